// One computation of all rates: the fill of the fluid solver.
#include <algorithm>
#include <limits>

#include "sim/base/check.hpp"
#include "sim/engine/fluid_solver.hpp"

namespace moesim {
namespace {

constexpr std::size_t kAhead = 8;  // flows for which memory is asked in advance

template <class Entry>
FlowId flow_of(const Entry& entry) {
  if constexpr (std::is_same_v<Entry, FlowId>) {
    return entry;
  } else {
    return entry.flow;
  }
}

}  // namespace

void FluidSolver::prepare_links(double window) {
  ++fills_;
  ++epoch_;
  const FillWindow held(window);
  for (FlowGrid& grid : grids_) grid.prepare_fill();
  std::size_t kept = 0;
  for (const int used : used_links_) {
    LinkInfo& info = this->info(used);
    LinkState& state = this->state(used);
    state.spare = 0;
    state.unfrozen = info.active;
    if (info.active == 0) {
      forget_flows(used);
      if (info.used) used_links_[kept++] = used;
      continue;
    }
    used_links_[kept] = used;
    if (info.queuing > 0) prepare_queue(used);
    state.unfrozen += info.queuing;
    if (open_link(used, held)) changed_ = true;
    ++kept;
  }
  used_links_.resize(kept);
  for (FlowGrid& grid : grids_) {
    if (grid.begin_fill(held)) changed_ = true;
    if (grid.shared()) grid.for_links([this](int link) { use(link); });
  }
}

// All flows of the link have ended, but for those on a grid.
void FluidSolver::forget_flows(int link) {
  LinkInfo& info = this->info(link);
  LinkState& state = this->state(link);
  LinkFlows& flows = flows_of(link);
  flows.pairs.clear();
  flows.quads.clear();
  flows.others.clear();
  info.used = info.queuing > 0;
  if (!info.used) flows.queue.clear();
  if (state.grid >= 0) return;
  info.credit = info.idle = 0;
  // What its queue uses is not known, so that newcomers must not count on any of it.
  state.spare = info.used ? 0 : info.capacity;
}

// Gives a link its width, but for ports of grids; whether it is not what it is for long.
bool FluidSolver::open_link(int link, const FillWindow& window) {
  LinkInfo& info = this->info(link);
  LinkState& state = this->state(link);
  if (state.grid >= 0) {
    grid(state.grid).add_others(state.port);
    return false;
  }
  const double extra = take_credit(info.credit, info.capacity, window);
  state.spare = info.capacity + extra;
  return extra != 0;
}

// Tells the flows that queue at a link that what they use is not there for the link's own flows.
void FluidSolver::prepare_queue(int link) {
  std::erase_if(flows_of(link).queue, [&](const LinkFlows::QueuedPart& queued) {
    if (flows_.left[queued.flow] <= 0) return true;
    FlowTable::Group& group = flows_.group(queued.flow);
    if (queued.part < group.part) return true;
    if (group.shared_in != epoch_) group.shared_queues.clear();
    group.shared_in = epoch_;
    group.shared_queues.push_back(link);
    return false;
  });
}

// The links' order is exact only where the dates are: with a tolerance, levels that are nearly
// equal may be taken for equal.
void FluidSolver::water_fill(double window) {
  tolerance_ > LevelBuckets::kWidth ? water_fill(buckets_, window) : water_fill(heap_, window);
}

// Fills the grids whose links carry nothing else; how many flows these have.
template <class Queue>
std::size_t FluidSolver::fill_grids(Queue& queue) {
  std::size_t flows = 0;
  for (FlowGrid& grid : grids_) {
    if (grid.flows() == 0 || grid.shared()) continue;
    flows += grid.flows();
    grid.fill(queue);
  }
  return flows;
}

template <class Queue>
void FluidSolver::water_fill(Queue& queue, double window) {
  earliest_ = std::numeric_limits<double>::infinity();
  ending_.clear();
  const std::size_t others = alive_ - fill_grids(queue);
  if (others == 0) return;
  fill_by_level(
      queue, used_links_.size(), others,
      [this](std::size_t place) { return share(state(used_links_[place])); },
      [&](std::size_t place, double rate) { return freeze(used_links_[place], rate, window); });
}

// Gives all flows of a full link that have no rate yet this one, and moves them to the end of the
// window; how many. Flows that have one are known by another link of theirs that is full.
std::size_t FluidSolver::freeze(int link, double rate, double window) {
  const auto is_full = [this](int other) { return state(other).frozen == epoch_; };
  LinkFlows& flows = flows_of(link);
  std::size_t frozen = freeze(
      flows.pairs, rate, window, [&](const LinkFlows::Pair& pair) { return is_full(pair.other); },
      [&](const LinkFlows::Pair& pair) { take(pair.other, rate, 1); });
  frozen += freeze(
      flows.quads, rate, window,
      [&](const LinkFlows::Quad& quad) { return std::ranges::any_of(quad.others, is_full); },
      [&](const LinkFlows::Quad& quad) {
        for (const int other : quad.others) take(other, rate, 1);
      });
  frozen += freeze(
      flows.others, rate, window, [&](FlowId flow) { return !flows_.mark(flow, epoch_); },
      [&](FlowId flow) { freeze_complex(flow, link, rate); });
  LinkState& full = state(link);
  if (full.grid >= 0) {
    FlowGrid& grid = this->grid(full.grid);
    if (grid.shared()) frozen += grid.freeze(static_cast<std::size_t>(full.port), rate);
  }
  full.frozen = epoch_;
  full.unfrozen = 0;
  full.spare = 0;
  return frozen;
}

template <class Entry, class IsFrozen, class Freeze>
std::size_t FluidSolver::freeze(std::vector<Entry>& entries, double rate, double window,
                                const IsFrozen& is_frozen, const Freeze& freeze_others) {
  const double moved = rate * window;
  double least = std::numeric_limits<double>::infinity();
  std::size_t kept = 0, given = 0;
  double* const lefts = flows_.left.data();
  double* const rates = flows_.rate.data();
  const std::size_t count = entries.size();
  for (std::size_t at = 0; at < count; ++at) {
    if (at + kAhead < count) __builtin_prefetch(lefts + flow_of(entries[at + kAhead]));
    const Entry entry = entries[at];
    const FlowId flow = flow_of(entry);
    entries[kept] = entry;
    if (is_frozen(entry)) {
      ++kept;
      continue;
    }
    double& left = lefts[flow];
    if (left <= 0) continue;
    ++kept;
    freeze_others(entry);
    ++given;
    if (left <= moved) {
      rates[flow] = -rate;
      ending_.push_back(flow);
    } else {
      rates[flow] = rate;
      left -= moved;
      least = std::min(least, left);
    }
  }
  entries.resize(kept);
  earliest_ = std::min(earliest_, least / rate);
  return given;
}

void FluidSolver::freeze_complex(FlowId flow, int link, double rate) {
  const int copies = flows_.copies(flow);
  for (const int other : flows_.links(flow)) {
    if (other != link) take(other, rate, copies);
  }
  if (!flows_.has_group(flow)) return;
  const FlowTable::Group& group = flows_.group(flow);
  if (group.shared_in != epoch_) return;
  for (const int queue : group.shared_queues)
    if (state(queue).frozen != epoch_) take(queue, rate, 1);
}

// Lets the new flows catch up, and ends what ends inside the window.
void FluidSolver::finish(double now, double window, FlowEnds& ends) {
  catch_up(window);
  for (std::size_t at = 0; at < ending_.size(); ++at) {
    if (at + kAhead < ending_.size()) flows_.prefetch(ending_[at + kAhead]);
    const FlowId flow = ending_[at];
    double& rate = flows_.rate[flow];
    rate = -rate;
    if (!pass_parts(flow, now, same_date(now, window), ends))
      earliest_ = std::min(earliest_, flows_.left[flow] / rate);
  }
  pass_cells(now, same_date(now, window), ends);
}

}  // namespace moesim
