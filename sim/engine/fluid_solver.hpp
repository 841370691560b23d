// Max-min fair flows over shared links: water filling (Bertsekas and Gallager, "Data Networks",
// section 6.5.2), with the completions of a short window batched into one computation.
//
// One fill raises the rate of all flows together; the link that is full first freezes its flows at
// that level, gives back what they do not use elsewhere, and so on. With tolerance 0 there is a
// fill at every completion and the dates are exact. With tolerance ε, a fill holds for a window of
// ε · (time that the shortest batch of flows under way is expected to take):
//  * every completion inside the window keeps its own date, only the rates of the others are late;
//  * the bytes that a full link could not carry because flows left early are credited to it in the
//    next windows, so that the mean error is near 0; no link ever carries more than its bandwidth
//    times the time;
//  * flows that arrive inside a window are admitted together at its end, and the bytes that their
//    links could have carried until then are credited likewise;
//  * the last `exact_tail` flows are computed exactly.
// A fill touches each flow once, through the list of the link that freezes it. Flows of two links
// (a port out, a port in) are the fast case.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "sim/base/units.hpp"

namespace moesim {

// What a flow is to its owner.
struct FlowTag {
  int leg = -1, source = -1, target = -1;
  Seconds begin;  // when its first byte leaves
  bool operator==(const FlowTag&) const = default;
};

// A piece of a flow with an owner of its own. The pieces of a flow travel one after the other;
// the first one has bytes above 0.
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
    double tolerance = 0;        // ratio, ≥ 0
    std::size_t exact_tail = 0;  // flows
  };

  // `capacities` [links], above 0.
  FluidSolver(std::vector<BytesPerSecond> capacities, const Options& options);

  // A batch is a set of flows that belong together: it sets the time scale of windows. `expected`
  // is roughly how long it will take or, where its flows take turns, how long one turn will. A
  // batch is dropped when closed and without flows.
  int open_batch(Seconds expected);
  void close_batch(int batch);

  // A flow that waits to be admitted. `links` are indices into the capacities, at least one; each
  // part has bytes above 0.
  void add(Seconds now, std::span<const int> links, std::span<const FlowPart> parts, int batch);

  // When advance() and fill() have to be called next; kForever without flows.
  Seconds next_date() const {
    if (alive_ == 0) return kForever;
    if (alive_ == waiting_.size()) return Seconds(hold_until_);
    return Seconds(waiting_.empty() ? decision_ : std::min(decision_, hold_until_));
  }
  // The two steps of the clock reaching `now`, which is next_date() or earlier. First flows move
  // on, and those that end now are appended to `ends`; the caller may then add flows. Then, if
  // anything changed, rates are computed, and ends inside the window that begins are appended, in
  // no order.
  void advance(Seconds now, std::vector<FlowEnd>& ends);
  void fill(Seconds now, std::vector<FlowEnd>& ends);

  std::size_t flows() const { return alive_; }
  std::int64_t fills() const { return fills_; }

 private:
  using Slot = std::uint32_t;  // of a flow
  static constexpr int kLongPath = -1;

  // A flow in the list of one of its links.
  struct Entry {
    Slot flow = 0;
    int other = kLongPath;  // its only other link, or kLongPath
  };
  struct LinkState {
    double spare = 0;          // bytes/s not given yet in this fill
    int unfrozen = 0;          // flows without a rate in this fill
    std::uint32_t frozen = 0;  // the last fill in which the link was full and froze its flows
  };
  struct LinkInfo {
    double capacity = 0;       // bytes/s
    double credit = 0;         // bytes
    int active = 0;            // admitted flows
    bool used = false;         // in used_links_
    std::vector<Entry> flows;  // and some that have ended
  };
  struct FlowInfo {
    FlowTag tag;  // of the current part
    int batch = -1;
    std::uint32_t path = 0;  // into paths_
    std::uint16_t links = 0;
    std::uint16_t room = 0;    // links that fit at `path`
    std::uint32_t frozen = 0;  // of a flow that has not two links: the last fill that gave a rate
    double arrival = 0;        // seconds
    std::size_t part = 0;      // the current one, if there are several
    std::vector<FlowPart> parts;
  };
  struct Batch {
    double expected = 0;  // seconds
    int flows = 0;
    bool open = false;
  };
  struct Level {
    double rate = 0;
    int link = 0;
  };

  double window() const;
  Slot take_slot(std::size_t links);
  void admit(double now);
  void purge();
  void prepare_links(double window);
  void water_fill(double window);
  void freeze(int link, double rate, double window);
  bool freeze_long(Slot flow, int link, double rate);
  void finish(double now, std::vector<FlowEnd>& ends);
  void find_earliest();
  bool pass_parts(Slot flow, double begin, double rounding, std::vector<FlowEnd>& ends);
  void end_flow(Slot flow, double unused_bytes);
  std::span<const int> path_of(Slot flow) const {
    return {paths_.data() + info_[flow].path, info_[flow].links};
  }

  Options options_;
  std::vector<LinkState> states_;  // [links]
  std::vector<LinkInfo> links_;    // [links]
  std::vector<int> used_links_;    // with admitted flows
  std::vector<Level> heap_;

  std::vector<double> left_;    // [slots] bytes of the current part at `as_of_`; 0 = no flow
  std::vector<double> rate_;    // [slots] bytes/s
  std::vector<FlowInfo> info_;  // [slots]
  std::vector<int> paths_;
  std::vector<Slot> free_slots_;
  std::vector<Slot> dead_slots_;  // free when no list holds them any more
  std::vector<Slot> waiting_;     // to be admitted
  std::vector<Slot> admitted_;    // and some that have ended
  std::vector<Slot> ending_;      // flows that end a part inside the window
  std::vector<Batch> batches_;

  std::size_t alive_ = 0;     // flows, waiting ones too
  std::size_t unfrozen_ = 0;  // flows without a rate in this fill
  std::uint32_t epoch_ = 0;
  double as_of_ = 0;       // date of left_
  double hold_until_ = 0;  // no fill for arrivals before this date
  double decision_ = 0;    // date of the next fill
  double earliest_ = 0;    // seconds from `as_of_` to the first completion after it
  bool changed_ = false;   // flows ended, or credit ran out, since the last fill
  std::int64_t fills_ = 0;
};

}  // namespace moesim
