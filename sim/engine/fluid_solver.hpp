// Max-min fair flows over shared links: water filling (Bertsekas and Gallager, "Data Networks",
// section 6.5.2), with the completions of a short window batched into one computation.
//
// One fill raises the rate of all flows together; the link that is full first freezes its flows at
// that level, gives back what they do not use elsewhere, and so on. With tolerance 0 there is a
// fill at every completion and the dates are exact. With tolerance ε, a fill holds for a window of
// ε · (time that the shortest batch of flows under way is expected to take, or has taken):
//  * every completion inside the window keeps its own date, only the rates of the others are late;
//  * the bytes that a full link could not carry because flows left early are credited to it in the
//    next windows;
//  * flows that arrive inside a window are admitted together at its end. They are then given what
//    they would have carried since their arrival, at their first rate, and their links owe it: they
//    are narrower in the next windows, or else the last flow on them carries the rest of the debt.
//  * when the flows under way are few, they are computed exactly.
// So the mean error is near 0, and no link ever carries more than its bandwidth times the time.
// A fill touches each flow once, through the list of the link that freezes it, or a row of flows at
// a time where they lie on a grid (flow_grid.hpp).
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "sim/engine/fill_by_level.hpp"
#include "sim/engine/flow_arrivals.hpp"
#include "sim/engine/flow_grid.hpp"
#include "sim/engine/flow_table.hpp"
#include "sim/engine/fluid_links.hpp"
#include "sim/engine/level_buckets.hpp"
#include "sim/engine/level_heap.hpp"

namespace moesim {

struct FlowEnd {
  FlowTag tag;
  Seconds date;
  double bytes = 0;  // that it carried
  int port = -1;     // its last link
};

// In no order. Flows on grids are told a port at a time.
struct FlowEnds {
  std::vector<FlowEnd> flows;
  std::vector<FlowGrid::PortEnd> ports;
};

struct WithdrawnFlow {
  FlowTag tag;
  double bytes = 0;  // still to carry
  Seconds date;      // from which on
};

struct FlowBatch {
  Seconds expected;      // that it will roughly take or, where flows take turns, one turn will
  std::size_t tail = 0;  // flows that are few for it
  bool in_turns = false;
};

class FluidSolver {
 public:
  // `capacities` [links], above 0; `tolerance` a ratio, ≥ 0.
  FluidSolver(std::vector<BytesPerSecond> capacities, double tolerance);

  // A batch is a set of flows that belong together: it sets the time scale of windows, and is
  // dropped when closed and without flows.
  int open_batch(const FlowBatch& batch);
  void close_batch(int batch);

  // More links; the index of the first of them.
  int add_links(std::span<const BytesPerSecond> capacities);
  // Takes out all flows of a batch, none of which has several parts, after advance() to now. What
  // they have been told to carry until the end of a window they have carried; what their links owe
  // is theirs to carry.
  void withdraw(int batch, std::vector<WithdrawnFlow>& withdrawn);

  // A flow that is not under way yet. `links` are indices into the capacities, at least one. Each
  // of its parts, by rising bytes above 0, is a flow of its own with the same links; they always
  // have equal rates, so that one computation does for all.
  FlowId prepare(std::span<const int> links, const FlowTag& tag, std::span<const FlowPart> parts,
                 int batch) {
    ++batches_[static_cast<std::size_t>(batch)].flows;
    return flows_.add(links, tag, parts, batch);
  }
  // Flows of one batch. Their first bytes come at `date`, which is not before the last fill.
  void start(std::span<const FlowId> flows, Seconds date);

  // A grid of flows of two links, one of a sender and one of a receiver, none of which is in
  // another grid; its number. Its flows share their links with all others.
  int add_grid(FlowGrid::Ports senders, FlowGrid::Ports receivers);
  // See FlowGrid.
  GridPlane open_plane(int grid, int leg, int batch) {
    return {.grid = grid, .plane = this->grid(grid).open(leg, batch)};
  }
  void close_plane(GridPlane plane) { grid(plane.grid).close(plane.plane); }
  // Flows of one row; their first bytes come at `date`, which is not before the last fill.
  void start(GridPlane plane, int row, std::span<const FlowGrid::Load> loads, Seconds date);

  // When advance() and fill() have to be called next; kForever without flows.
  Seconds next_date() const {
    Seconds date = kForever;
    if (alive_ > 0) date = Seconds(decision_);
    if (arrivals_.empty()) return date;
    return std::min(date, std::max(Seconds(hold_until_), arrivals_.next_date()));
  }
  // The two steps of the clock reaching `now`, which is next_date() or earlier. First flows move
  // on, and those that end now are appended to `ends`; the caller may then start flows. Then, if
  // anything changed, rates are computed, and ends inside the window that begins are appended, in
  // no order.
  void advance(Seconds now, FlowEnds& ends);
  void fill(Seconds now, FlowEnds& ends);

  std::int64_t fills() const { return fills_; }

 private:
  struct Batch {
    FlowBatch spec;
    double begin = kForever.value;  // date of the first byte; never, if flows take turns
    int flows = 0;
    bool open = false;
  };
  struct Newcomer {
    FlowId flow = 0;
    double waited = 0;  // seconds
  };
  // Flows of one row of a plane: those of new_cells_ up to `end` that are not of the row before.
  struct NewRow {
    GridPlane plane;
    double waited = 0;  // seconds
    std::size_t end = 0;
  };

  // Dates that differ by less are one event: the rounding of a clock at `now` seconds, and of
  // levels over the `span` seconds for which they held.
  static double same_date(double now, double span) { return 1e-15 + 8e-16 * now + 1e-11 * span; }
  void begin(int batch, Seconds date);
  double window() const;
  void admit(double now);
  void admit(const Newcomer& newcomer);
  void use(int link) {
    if (!info(link).used) used_links_.push_back(link);
    info(link).used = true;
  }
  void enlist(FlowId flow);
  void load(int link, int copies, double waited);
  void purge();
  void prepare_links(double window);
  void forget_flows(int link);
  void prepare_queue(int link);
  bool open_link(int link, const FillWindow& window);
  void water_fill(double window);
  template <class Queue>
  void water_fill(Queue& queue, double window);
  std::size_t freeze(int link, double rate, double window);
  template <class Entry, class IsFrozen, class Freeze>
  std::size_t freeze(std::vector<Entry>& entries, double rate, double window,
                     const IsFrozen& is_frozen, const Freeze& freeze_others);
  void take(int link, double rate, int copies) {
    state(link).spare -= rate * copies;
    state(link).unfrozen -= copies;
  }
  void freeze_complex(FlowId flow, int link, double rate);
  // What a link has not given yet, and to how many.
  LinkShare share(const LinkState& state) const {
    const LinkShare share{.spare = state.spare, .unfrozen = static_cast<double>(state.unfrozen)};
    if (state.grid < 0) return share;
    const FlowGrid& grid = grids_[static_cast<std::size_t>(state.grid)];
    const LinkShare on_grid = grid.share_of(static_cast<std::size_t>(state.port));
    return {.spare = share.spare + on_grid.spare, .unfrozen = share.unfrozen + on_grid.unfrozen};
  }

  FlowGrid& grid(int grid) { return grids_[static_cast<std::size_t>(grid)]; }
  template <class Take>
  void for_new_rows(const Take& take);
  void admit_rows();
  template <class Queue>
  std::size_t fill_grids(Queue& queue);
  void end_grids(double window);
  void pass_cell(GridPlane plane, FlowId cell, double begin, double rounding, FlowEnds& ends);
  void move_grids(double reach, double step);
  void pass_cells(double begin, double rounding, FlowEnds& ends);
  void find_earliest_on_grids();
  void thin_out(FlowEnds& ends);
  void finish(double now, double window, FlowEnds& ends);
  void catch_up(double window);
  void catch_up(const Newcomer& newcomer, double window);
  void find_earliest();
  // Moves a flow from `begin` to `as_of_` over its ends, of which `end` tells one, by its date and
  // the bytes that its links could have carried after it, and whether it is the last. Whether it
  // was passed.
  template <class TakeDebt, class End>
  bool pass_ends(double& left, double rate, double begin, double rounding,
                 const TakeDebt& take_debt, const End& end) {
    for (double date = begin;;) {
      const double next = date + left / rate;
      if (next > as_of_ + rounding) {
        left -= rate * std::max(0.0, as_of_ - date);
        return false;
      }
      date = next;
      if (const double debt = take_debt(); debt > 0) {
        left = debt;
        continue;
      }
      if (end(date, rate * std::max(0.0, as_of_ - date))) return true;
    }
  }
  void leave_batch(int batch) {
    --batches_[static_cast<std::size_t>(batch)].flows;
    --alive_;
  }
  bool pass_parts(FlowId flow, double begin, double rounding, FlowEnds& ends);
  FlowEnd end_of(FlowId flow, double date);
  double take_debt(FlowId flow);
  bool end_part(FlowId flow, double unused_bytes);
  bool end_part_of(FlowId group, double unused_bytes);
  void release(int link, double unused_bytes) {
    if (tolerance_ > 0) (state(link).frozen == epoch_ ? credit(link) : idle(link)) += unused_bytes;
  }
  // Where they are kept.
  double& credit(int link) {
    const LinkState& at = state(link);
    return at.grid < 0 ? info(link).credit : grid(at.grid).credit(at.port);
  }
  double& idle(int link) {
    const LinkState& at = state(link);
    return at.grid < 0 ? info(link).idle : grid(at.grid).idle(at.port);
  }
  LinkInfo& info(int link) { return links_[static_cast<std::size_t>(link)]; }
  LinkFlows& flows_of(int link) { return link_flows_[static_cast<std::size_t>(link)]; }
  LinkState& state(int link) { return states_[static_cast<std::size_t>(link)]; }

  double tolerance_ = 0;
  std::vector<LinkState> states_;      // [links]
  std::vector<LinkInfo> links_;        // [links]
  std::vector<LinkFlows> link_flows_;  // [links]
  std::vector<int> used_links_;        // with admitted flows
  LevelHeap heap_;                     // of one fill
  LevelBuckets buckets_;               // likewise
  std::vector<Batch> batches_;

  FlowTable flows_;
  std::vector<FlowGrid> grids_;
  std::vector<std::vector<FlowGrid::Ending>> ending_cells_;  // [grids] inside the window
  std::vector<NewRow> new_rows_;                             // admitted in this fill
  std::vector<FlowId> new_cells_;                            // of all of them
  std::vector<FlowId> cells_;                                // that start together
  FlowArrivals arrivals_;                                    // still to be admitted
  std::vector<Newcomer> newcomers_;                          // admitted in this fill
  std::vector<FlowId> admitted_;                             // and some that have ended
  std::vector<FlowId> ending_;  // end a part inside the window; their rates are negative
  std::vector<FlowId> dead_;    // ended, but some list may still hold them

  std::size_t alive_ = 0;  // admitted flows
  std::uint32_t epoch_ = 0;
  double as_of_ = 0;       // date of the bytes left
  double hold_until_ = 0;  // no fill for arrivals before this date
  double decision_ = 0;    // date of the next fill
  double earliest_ = 0;    // seconds from `as_of_` to the first completion after it
  bool changed_ = false;   // flows ended, or credit was used, since the last fill
  std::int64_t fills_ = 0;
};

}  // namespace moesim
