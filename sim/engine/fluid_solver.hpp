// Max-min fair flows over shared links: water filling (Bertsekas and Gallager, "Data Networks",
// section 6.5.2), with the completions of a short window batched into one computation.
//
// One fill raises the rate of all flows together; the link that is full first freezes its flows at
// that level, gives back what they do not use elsewhere, and so on. With tolerance 0 there is a
// fill at every completion and the dates are exact. With tolerance ε, a fill holds for a window of
// ε · (time since the youngest batch of flows began):
//  * every completion inside the window keeps its own date, only the rates of the others are late;
//  * the bytes that a full link could not carry because flows left early are credited to it in the
//    next window, so that the mean error is near 0 and no link ever carries more than its share;
//  * flows that arrive inside a window are admitted together at its end;
//  * the last `exact_tail` flows are computed exactly.
// Paths must not contain links that can never be the bottleneck: leaving them out costs nothing and
// saves their work (see binding_links.hpp).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sim/base/units.hpp"

namespace moesim {

// What a flow is to its owner.
struct FlowTag {
  int leg = -1, source = -1, target = -1;
  bool operator==(const FlowTag&) const = default;
};

// A piece of a flow with an owner of its own. The pieces of a flow travel one after the other.
struct FlowPart {
  double bytes = 0;
  FlowTag tag;
};

struct FlowEnd {
  FlowTag tag;
  Seconds date;
};

class FluidSolver {
 public:
  struct Options {
    double tolerance = 0;  // ratio, ≥ 0
    double floor = 0.3;    // age of a batch is taken as at least this share of what it will take
    std::size_t exact_tail = 0;  // flows
  };

  // `capacities` [links], above 0.
  FluidSolver(std::vector<BytesPerSecond> capacities, const Options& options);

  // A batch is a set of flows that start and end about together: it sets the time scale of windows.
  // `expected` is how long it will take, roughly. It is dropped when closed and without flows.
  int open_batch(Seconds now, Seconds expected);
  void close_batch(int batch);

  // A flow that waits to be admitted. `links` are indices into the capacities, at least one; each
  // part has bytes above 0.
  void add(std::span<const int> links, std::span<const FlowPart> parts, int batch);

  // When step() has to be called next; kForever without flows. Never before the last step.
  Seconds next_date() const;
  // Two steps of the clock reaching `now`, which is next_date() or earlier. First flows move on,
  // and those that end now are appended to `ends`; the caller may then add flows. Then, if anything
  // changed, rates are computed, and ends inside the window that begins are appended, in no order.
  void advance(Seconds now, std::vector<FlowEnd>& ends);
  void fill(Seconds now, std::vector<FlowEnd>& ends);

  std::size_t flows() const { return flows_.size() - dead_; }
  std::int64_t fills() const { return fills_; }

 private:
  static constexpr std::uint32_t kDead = 0xffffffff;
  struct Flow {
    double left = 0;           // bytes of the current part at `as_of_`
    double rate = 0;           // bytes/s
    std::uint32_t frozen = 0;  // the fill that set the rate; kDead when ended
    std::uint32_t path = 0;    // into paths_
    std::uint16_t links = 0;
    std::uint16_t parts_left = 0;  // after the current one
    std::uint32_t parts = 0;       // into parts_: the current one
  };
  struct Batch {
    double begin = 0, expected = 0;  // seconds
    int flows = 0;
    bool open = false;
  };
  struct Level {
    double rate = 0;
    int link = 0;
  };

  double window(double now) const;
  void compact();
  void sort_by_link();
  void prepare_links(double window);
  void water_fill(double window);
  void freeze(int link, double rate, double window);
  void finish(double now, std::vector<FlowEnd>& ends);
  void find_earliest();
  bool pass_parts(std::uint32_t flow, double begin, double rounding, std::vector<FlowEnd>& ends);
  void end_flow(std::uint32_t flow, double unused_bytes);
  std::span<const int> path_of(const Flow& flow) const {
    return {paths_.data() + flow.path, flow.links};
  }

  Options options_;
  std::vector<double> capacity_;     // bytes/s, [links]
  std::vector<double> credit_;       // bytes, [links]
  std::vector<double> spare_;        // bytes/s not given yet in this fill, [links]
  std::vector<int> active_;          // admitted flows, [links]
  std::vector<int> unfrozen_;        // of those, without a rate in this fill, [links]
  std::vector<std::uint32_t> full_;  // the last fill in which the link was full, [links]
  std::vector<int> used_links_;
  std::vector<std::uint32_t> first_of_link_;  // [links + 1] into by_link_
  std::vector<std::uint32_t> by_link_;        // flows of each link
  std::vector<Level> heap_;

  std::vector<Flow> flows_;
  std::vector<int> batch_of_;  // [flows]
  std::vector<int> paths_;
  std::vector<FlowPart> parts_;
  std::vector<std::uint32_t> ending_;  // flows that end a part inside the window
  std::vector<Batch> batches_;

  std::size_t admitted_ = 0;  // flows; the ones after them wait
  std::size_t dead_ = 0;
  std::uint32_t epoch_ = 0;
  double as_of_ = 0;       // date of Flow::left
  double hold_until_ = 0;  // no fill for arrivals before this date
  double decision_ = 0;    // date of the next fill
  double earliest_ = 0;    // seconds from `as_of_` to the first completion after it
  bool changed_ = false;   // flows ended, or credit ran out, since the last fill
  std::int64_t fills_ = 0;
};

}  // namespace moesim
