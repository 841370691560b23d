#include "sim/engine/fluid_solver.hpp"

#include <algorithm>
#include <limits>

#include "sim/base/check.hpp"
#include "sim/engine/rate_heap.hpp"

namespace moesim {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();

// Dates that differ by less are one event: the rounding of a clock at `now` seconds, and of levels
// over the `span` seconds for which they held.
double same_date(double now, double span) { return 1e-15 + 8e-16 * now + 1e-11 * span; }

}  // namespace

FluidSolver::FluidSolver(std::vector<BytesPerSecond> capacities, const Options& options)
    : options_(options), states_(capacities.size()), links_(capacities.size()) {
  for (std::size_t link = 0; link < capacities.size(); ++link) {
    links_[link].capacity = states_[link].spare = capacities[link].value;
  }
}

int FluidSolver::open_batch(Seconds expected) {
  std::size_t slot = 0;
  while (slot < batches_.size() && (batches_[slot].open || batches_[slot].flows > 0)) ++slot;
  if (slot == batches_.size()) batches_.emplace_back();
  batches_[slot] = {.expected = expected.value, .flows = 0, .open = true};
  return static_cast<int>(slot);
}

void FluidSolver::close_batch(int batch) { batches_[static_cast<std::size_t>(batch)].open = false; }

FluidSolver::Slot FluidSolver::take_slot(std::size_t links) {
  if (free_slots_.empty()) {
    free_slots_.push_back(static_cast<Slot>(info_.size()));
    info_.emplace_back();
    left_.push_back(0);
    rate_.push_back(0);
  }
  const Slot slot = free_slots_.back();
  free_slots_.pop_back();
  FlowInfo& info = info_[slot];
  if (info.room < links) {
    info.path = static_cast<std::uint32_t>(paths_.size());
    info.room = static_cast<std::uint16_t>(links);
    paths_.resize(paths_.size() + links);
  }
  return slot;
}

void FluidSolver::add(Seconds now, std::span<const int> links, std::span<const FlowPart> parts,
                      int batch) {
  MOESIM_CHECK(!links.empty() && !parts.empty(), "a flow has a path and something to carry");
  const Slot slot = take_slot(links.size());
  FlowInfo& info = info_[slot];
  std::copy(links.begin(), links.end(), paths_.begin() + info.path);
  info.links = static_cast<std::uint16_t>(links.size());
  info.tag = parts.front().tag;
  info.batch = batch;
  info.arrival = now.value;
  info.part = 0;
  info.parts.clear();
  if (parts.size() > 1) info.parts.assign(parts.begin(), parts.end());
  left_[slot] = parts.front().bytes;
  waiting_.push_back(slot);
  ++batches_[static_cast<std::size_t>(batch)].flows;
  ++alive_;
}

void FluidSolver::advance(Seconds now, std::vector<FlowEnd>& ends) {
  const double step = std::max(0.0, now.value - as_of_);
  const double rounding = same_date(now.value, step);
  if (step == 0 && earliest_ > rounding) return;
  const double begin = as_of_;
  as_of_ += step;
  std::erase_if(admitted_, [&](Slot flow) {
    if (left_[flow] <= 0) return true;
    if (left_[flow] <= rate_[flow] * (step + rounding))
      return pass_parts(flow, begin, rounding, ends);
    left_[flow] -= rate_[flow] * step;
    return false;
  });
}

void FluidSolver::fill(Seconds now, std::vector<FlowEnd>& ends) {
  if (alive_ == 0) return;
  if (waiting_.empty() && !changed_) {
    find_earliest();
    decision_ = as_of_ + earliest_;
    return;
  }
  admit(now.value);
  if (dead_slots_.size() > alive_ + 64) purge();
  const double window = this->window();
  changed_ = false;
  prepare_links(window);
  water_fill(window);
  as_of_ = hold_until_ = now.value + window;
  finish(now.value, ends);
  decision_ = changed_ ? as_of_ : as_of_ + earliest_;
}

double FluidSolver::window() const {
  if (options_.tolerance <= 0 || alive_ <= options_.exact_tail) return 0;
  double shortest = kNever;
  for (const Batch& batch : batches_)
    if (batch.flows > 0) shortest = std::min(shortest, batch.expected);
  return options_.tolerance * shortest;
}

void FluidSolver::admit(double now) {
  for (const Slot flow : waiting_) {
    const std::span<const int> path = path_of(flow);
    for (std::size_t hop = 0; hop < path.size(); ++hop) {
      const auto link = static_cast<std::size_t>(path[hop]);
      LinkInfo& info = links_[link];
      info.flows.push_back({.flow = flow, .other = path.size() == 2 ? path[1 - hop] : kLongPath});
      ++info.active;
      if (!info.used) used_links_.push_back(path[hop]);
      info.used = true;
      if (options_.tolerance <= 0) continue;
      // What the link had to spare while the first of its new flows waited.
      info.credit += states_[link].spare * std::max(0.0, now - info_[flow].arrival);
      states_[link].spare = 0;
    }
  }
  admitted_.insert(admitted_.end(), waiting_.begin(), waiting_.end());
  waiting_.clear();
}

// Takes ended flows out of the lists of links, so that their slots can be used again.
void FluidSolver::purge() {
  for (const int link : used_links_) {
    std::erase_if(links_[static_cast<std::size_t>(link)].flows,
                  [&](const Entry& entry) { return left_[entry.flow] <= 0; });
  }
  std::erase_if(admitted_, [&](Slot flow) { return left_[flow] <= 0; });
  free_slots_.insert(free_slots_.end(), dead_slots_.rbegin(), dead_slots_.rend());
  dead_slots_.clear();
}

void FluidSolver::prepare_links(double window) {
  ++fills_;
  ++epoch_;
  heap_.clear();
  std::size_t kept = 0;
  for (const int used : used_links_) {
    LinkInfo& info = links_[static_cast<std::size_t>(used)];
    LinkState& state = states_[static_cast<std::size_t>(used)];
    state.spare = info.capacity;
    if (info.active == 0) {
      info.flows.clear();
      info.used = false;
      info.credit = 0;
      continue;
    }
    used_links_[kept++] = used;
    state.unfrozen = info.active;
    if (info.credit > 0 && window > 0) {
      const double extra = std::min(info.credit / window, 0.5 * info.capacity);
      state.spare += extra;
      info.credit -= extra * window;
      changed_ = true;  // the extra rate ends with the window
    } else {
      info.credit = 0;
    }
    heap_.push_back({.rate = state.spare / info.active, .link = used});
  }
  used_links_.resize(kept);
}

void FluidSolver::water_fill(double window) {
  earliest_ = kNever;
  ending_.clear();
  unfrozen_ = alive_;
  for (std::size_t at = heap_.size() / 2; at-- > 0;) sift_down(heap_, at);
  while (unfrozen_ > 0) {
    MOESIM_CHECK(!heap_.empty(), "every flow has a link that is full");
    Level& top = heap_.front();
    const LinkState& state = states_[static_cast<std::size_t>(top.link)];
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

void FluidSolver::freeze(int link, double rate, double window) {
  LinkInfo& info = links_[static_cast<std::size_t>(link)];
  LinkState& full = states_[static_cast<std::size_t>(link)];
  const double moved = rate * window;
  double least = kNever;
  std::size_t kept = 0;
  for (const Entry entry : info.flows) {
    double& left = left_[entry.flow];
    if (left <= 0) continue;
    info.flows[kept++] = entry;
    if (entry.other >= 0) {
      LinkState& other = states_[static_cast<std::size_t>(entry.other)];
      if (other.frozen == epoch_) continue;
      other.spare -= rate;
      --other.unfrozen;
    } else if (!freeze_long(entry.flow, link, rate)) {
      continue;
    }
    rate_[entry.flow] = rate;
    --unfrozen_;
    if (left <= moved) {
      ending_.push_back(entry.flow);
    } else {
      left -= moved;
      least = std::min(least, left);
    }
  }
  info.flows.resize(kept);
  full.frozen = epoch_;
  full.unfrozen = 0;
  full.spare = 0;
  earliest_ = std::min(earliest_, least / rate);
}

// False if the flow had its rate already.
bool FluidSolver::freeze_long(Slot flow, int link, double rate) {
  if (info_[flow].frozen == epoch_) return false;
  info_[flow].frozen = epoch_;
  for (const int other : path_of(flow)) {
    if (other == link) continue;
    states_[static_cast<std::size_t>(other)].spare -= rate;
    --states_[static_cast<std::size_t>(other)].unfrozen;
  }
  return true;
}

void FluidSolver::finish(double now, std::vector<FlowEnd>& ends) {
  const double rounding = same_date(now, as_of_ - now);
  for (const Slot flow : ending_)
    if (!pass_parts(flow, now, rounding, ends))
      earliest_ = std::min(earliest_, left_[flow] / rate_[flow]);
}

// Moves a flow from `begin` to `as_of_` over the ends of its parts; whether it has ended.
bool FluidSolver::pass_parts(Slot flow, double begin, double rounding, std::vector<FlowEnd>& ends) {
  FlowInfo& info = info_[flow];
  double& left = left_[flow];
  const double rate = rate_[flow];
  for (double date = begin;;) {
    const double end = date + left / rate;
    if (end > as_of_ + rounding) {
      left -= rate * std::max(0.0, as_of_ - date);
      return false;
    }
    ends.push_back({.tag = info.tag, .date = Seconds(end)});
    date = end;
    if (info.part + 1 >= info.parts.size()) {
      end_flow(flow, rate * std::max(0.0, as_of_ - date));
      return true;
    }
    ++info.part;
    info.tag = info.parts[info.part].tag;
    left = info.parts[info.part].bytes;
  }
}

void FluidSolver::end_flow(Slot flow, double unused_bytes) {
  for (const int link : path_of(flow)) {
    LinkInfo& info = links_[static_cast<std::size_t>(link)];
    --info.active;
    if (states_[static_cast<std::size_t>(link)].frozen == epoch_ && options_.tolerance > 0)
      info.credit += unused_bytes;
  }
  left_[flow] = 0;
  dead_slots_.push_back(flow);
  --batches_[static_cast<std::size_t>(info_[flow].batch)].flows;
  --alive_;
  changed_ = true;
}

void FluidSolver::find_earliest() {
  earliest_ = kNever;
  for (const Slot flow : admitted_)
    if (left_[flow] > 0) earliest_ = std::min(earliest_, left_[flow] / rate_[flow]);
}

}  // namespace moesim
