// One computation of all rates: the fill of the fluid solver.
#include <algorithm>
#include <limits>

#include "sim/base/check.hpp"
#include "sim/engine/fluid_solver.hpp"
#include "sim/engine/rate_heap.hpp"

namespace moesim {
namespace {

constexpr std::size_t kAhead = 8;  // flows for which memory is asked in advance

}  // namespace

void FluidSolver::prepare_links(double window) {
  ++fills_;
  ++epoch_;
  heap_.clear();
  std::size_t kept = 0;
  for (const int used : used_links_) {
    LinkInfo& info = this->info(used);
    LinkState& state = this->state(used);
    state.spare = info.capacity;
    if (info.active == 0) {
      info.flows.clear();
      info.used = false;
      info.credit = 0;
      continue;
    }
    used_links_[kept++] = used;
    state.unfrozen = info.active;
    if (tolerance_ > 0 && balance(info, state, window)) changed_ = true;
    heap_.push_back({.rate = state.spare / info.active, .link = used});
  }
  used_links_.resize(kept);
}

// Makes a link wider or narrower, so that its credit is used up by the end of the window; whether
// it did. Not by more than half, to keep rates sane.
bool FluidSolver::balance(LinkInfo& info, LinkState& state, double window) const {
  if (window <= 0) {
    info.credit = std::min(info.credit, 0.0);
    return false;
  }
  if (info.credit == 0) return false;
  const double extra = std::clamp(info.credit / window, -0.5 * info.capacity, 0.5 * info.capacity);
  state.spare += extra;
  info.credit -= extra * window;
  return true;
}

void FluidSolver::water_fill(double window) {
  earliest_ = std::numeric_limits<double>::infinity();
  ending_.clear();
  unfrozen_ = alive_;
  for (std::size_t at = heap_.size() / 2; at-- > 0;) sift_down(heap_, at);
  while (unfrozen_ > 0) {
    MOESIM_CHECK(!heap_.empty(), "every flow has a link that is full");
    Level& top = heap_.front();
    const LinkState& state = this->state(top.link);
    if (state.unfrozen > 0) {
      // A level only grows while others freeze, so a key that is still right is the lowest.
      const double rate = std::max(top.rate, state.spare / state.unfrozen);
      if (rate > top.rate * (1 + 1e-13)) {
        top.rate = rate;
        sift_down(heap_, 0);
        continue;
      }
      freeze(top.link, rate, window);
    }
    top = heap_.back();
    heap_.pop_back();
    if (!heap_.empty()) sift_down(heap_, 0);
  }
}

// Gives all flows of a full link that have no rate yet this one, and moves them to the end of the
// window.
void FluidSolver::freeze(int link, double rate, double window) {
  LinkInfo& info = this->info(link);
  const double moved = rate * window;
  double least = std::numeric_limits<double>::infinity();
  std::size_t kept = 0, given = 0;
  double* const lefts = flows_.left.data();
  double* const rates = flows_.rate.data();
  const std::size_t count = info.flows.size();
  for (std::size_t at = 0; at < count; ++at) {
    if (at + kAhead < count) __builtin_prefetch(lefts + info.flows[at + kAhead].flow);
    const Entry entry = info.flows[at];
    info.flows[kept] = entry;
    if (entry.other >= 0 ? state(entry.other).frozen == epoch_ : !flows_.mark(entry.flow, epoch_)) {
      ++kept;
      continue;
    }
    double& left = lefts[entry.flow];
    if (left <= 0) continue;
    ++kept;
    if (entry.other >= 0) {
      state(entry.other).spare -= rate;
      --state(entry.other).unfrozen;
    } else {
      freeze_complex(entry.flow, link, rate);
    }
    ++given;
    if (left <= moved) {
      rates[entry.flow] = -rate;
      ending_.push_back(entry.flow);
    } else {
      rates[entry.flow] = rate;
      left -= moved;
      least = std::min(least, left);
    }
  }
  info.flows.resize(kept);
  unfrozen_ -= given;
  LinkState& full = state(link);
  full.frozen = epoch_;
  full.unfrozen = 0;
  full.spare = 0;
  earliest_ = std::min(earliest_, least / rate);
}

void FluidSolver::freeze_complex(FlowId flow, int link, double rate) {
  const int copies = flows_.copies(flow);
  for (const int other : flows_.links(flow)) {
    if (other == link) continue;
    state(other).spare -= rate * copies;
    state(other).unfrozen -= copies;
  }
  if (!flows_.has_group(flow)) return;
  const FlowTable::Group& group = flows_.group(flow);
  for (std::size_t at = group.part; at < group.parts.size(); ++at) {
    if (group.parts[at].queue < 0) continue;
    LinkState& queue = state(group.parts[at].queue);
    if (queue.frozen == epoch_) continue;
    queue.spare -= rate;
    --queue.unfrozen;
  }
}

// Lets the new flows catch up, and ends what ends inside the window.
void FluidSolver::finish(double now, double window, std::vector<FlowEnd>& ends) {
  catch_up(window);
  for (std::size_t at = 0; at < ending_.size(); ++at) {
    if (at + kAhead < ending_.size()) flows_.prefetch(ending_[at + kAhead]);
    const FlowId flow = ending_[at];
    double& rate = flows_.rate[flow];
    rate = -rate;
    if (!pass_parts(flow, now, same_date(now, window), ends))
      earliest_ = std::min(earliest_, flows_.left[flow] / rate);
  }
}

}  // namespace moesim
