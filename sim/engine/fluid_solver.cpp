#include "sim/engine/fluid_solver.hpp"

#include <algorithm>
#include <limits>

#include "sim/base/check.hpp"

namespace moesim {

namespace {

// Dates that differ by less are one event: the rounding of a clock at `now` seconds, and of levels
// over the `span` seconds for which they held.
double same_date(double now, double span) { return 1e-15 + 8e-16 * now + 1e-11 * span; }

}  // namespace

FluidSolver::FluidSolver(std::vector<BytesPerSecond> capacities, const Options& options)
    : options_(options) {
  const std::size_t links = capacities.size();
  for (const BytesPerSecond capacity : capacities) capacity_.push_back(capacity.value);
  credit_.assign(links, 0);
  spare_.assign(links, 0);
  active_.assign(links, 0);
  unfrozen_.assign(links, 0);
  full_.assign(links, 0);
  first_of_link_.assign(links + 1, 0);
}

int FluidSolver::open_batch(Seconds now, Seconds expected) {
  std::size_t slot = 0;
  while (slot < batches_.size() && (batches_[slot].open || batches_[slot].flows > 0)) ++slot;
  if (slot == batches_.size()) batches_.emplace_back();
  batches_[slot] = {.begin = now.value, .expected = expected.value, .flows = 0, .open = true};
  return static_cast<int>(slot);
}

void FluidSolver::close_batch(int batch) { batches_[static_cast<std::size_t>(batch)].open = false; }

void FluidSolver::add(std::span<const int> links, std::span<const FlowPart> parts, int batch) {
  MOESIM_CHECK(!links.empty() && !parts.empty(), "a flow has a path and something to carry");
  flows_.push_back({.left = parts.front().bytes,
                    .path = static_cast<std::uint32_t>(paths_.size()),
                    .links = static_cast<std::uint16_t>(links.size()),
                    .parts_left = static_cast<std::uint16_t>(parts.size() - 1),
                    .parts = static_cast<std::uint32_t>(parts_.size())});
  batch_of_.push_back(batch);
  paths_.insert(paths_.end(), links.begin(), links.end());
  parts_.insert(parts_.end(), parts.begin(), parts.end());
  ++batches_[static_cast<std::size_t>(batch)].flows;
}

Seconds FluidSolver::next_date() const {
  if (flows() == 0) return kForever;
  const bool waiting = admitted_ < flows_.size();
  return Seconds(waiting ? std::min(decision_, hold_until_) : decision_);
}

void FluidSolver::advance(Seconds now, std::vector<FlowEnd>& ends) {
  const double step = std::max(0.0, now.value - as_of_);
  const double rounding = same_date(now.value, step);
  if (step == 0 && earliest_ > rounding) return;
  const double begin = as_of_;
  as_of_ += step;
  for (std::size_t flow = 0; flow < admitted_; ++flow) {
    Flow& moving = flows_[flow];
    if (moving.frozen == kDead) continue;
    if (moving.left > moving.rate * (step + rounding)) {
      moving.left -= moving.rate * step;
    } else {
      pass_parts(static_cast<std::uint32_t>(flow), begin, rounding, ends);
    }
  }
}

void FluidSolver::fill(Seconds now, std::vector<FlowEnd>& ends) {
  if (flows() == 0) return;
  const bool waiting = admitted_ < flows_.size();
  if (waiting || dead_ * 2 > flows_.size()) {
    compact();
    sort_by_link();
  }
  if (!waiting && !changed_) {
    find_earliest();
    decision_ = as_of_ + earliest_;
    return;
  }
  const double window = this->window(now.value);
  changed_ = false;
  prepare_links(window);
  water_fill(window);
  as_of_ = hold_until_ = now.value + window;
  finish(now.value, ends);
  decision_ = changed_ ? as_of_ : as_of_ + earliest_;
  MOESIM_CHECK(decision_ < std::numeric_limits<double>::infinity(), "every flow gets a rate");
}

double FluidSolver::window(double now) const {
  if (options_.tolerance <= 0 || flows() <= options_.exact_tail) return 0;
  double age = std::numeric_limits<double>::infinity();
  for (const Batch& batch : batches_) {
    if (batch.flows == 0) continue;
    age = std::min(age, std::max(now - batch.begin, options_.floor * batch.expected));
  }
  return options_.tolerance * age;
}

void FluidSolver::compact() {
  std::size_t kept = 0, path = 0, part = 0;
  for (std::size_t flow = 0; flow < flows_.size(); ++flow) {
    Flow moved = flows_[flow];
    if (moved.frozen == kDead) continue;
    std::copy_n(paths_.begin() + moved.path, moved.links, paths_.begin() + static_cast<long>(path));
    std::copy_n(parts_.begin() + moved.parts, moved.parts_left + 1,
                parts_.begin() + static_cast<long>(part));
    moved.path = static_cast<std::uint32_t>(path);
    moved.parts = static_cast<std::uint32_t>(part);
    path += moved.links;
    part += moved.parts_left + 1u;
    batch_of_[kept] = batch_of_[flow];
    flows_[kept++] = moved;
  }
  flows_.resize(kept);
  batch_of_.resize(kept);
  paths_.resize(path);
  parts_.resize(part);
  admitted_ = kept;
  dead_ = 0;
}

void FluidSolver::sort_by_link() {
  std::fill(active_.begin(), active_.end(), 0);
  for (const int link : paths_) ++active_[static_cast<std::size_t>(link)];
  used_links_.clear();
  std::uint32_t first = 0;
  for (std::size_t link = 0; link < active_.size(); ++link) {
    first_of_link_[link] = first;
    first += static_cast<std::uint32_t>(active_[link]);
    if (active_[link] > 0) used_links_.push_back(static_cast<int>(link));
  }
  first_of_link_.back() = first;
  by_link_.resize(first);
  for (std::uint32_t flow = 0; flow < flows_.size(); ++flow) {
    for (const int link : path_of(flows_[flow]))
      by_link_[first_of_link_[static_cast<std::size_t>(link)]++] = flow;
  }
  for (std::size_t link = active_.size(); link > 0; --link)
    first_of_link_[link] = first_of_link_[link - 1];
  first_of_link_[0] = 0;
}

void FluidSolver::prepare_links(double window) {
  ++fills_;
  ++epoch_;
  heap_.clear();
  for (const int used : used_links_) {
    const auto link = static_cast<std::size_t>(used);
    if (active_[link] == 0) continue;
    unfrozen_[link] = active_[link];
    spare_[link] = capacity_[link];
    if (credit_[link] > 0 && window > 0) {
      const double extra = std::min(credit_[link] / window, 0.5 * capacity_[link]);
      spare_[link] += extra;
      credit_[link] -= extra * window;
      changed_ = true;  // the extra rate ends with the window
    } else {
      credit_[link] = 0;
    }
    heap_.push_back({.rate = spare_[link] / active_[link], .link = used});
  }
}

namespace {

// Lets the root of a heap with the lowest rate on top sink to its place.
template <class Level>
void sift_down(std::vector<Level>& heap, std::size_t at) {
  const Level moving = heap[at];
  for (std::size_t child; (child = 2 * at + 1) < heap.size(); at = child) {
    if (child + 1 < heap.size() && heap[child + 1].rate < heap[child].rate) ++child;
    if (heap[child].rate >= moving.rate) break;
    heap[at] = heap[child];
  }
  heap[at] = moving;
}

}  // namespace

void FluidSolver::water_fill(double window) {
  earliest_ = std::numeric_limits<double>::infinity();
  ending_.clear();
  for (std::size_t at = heap_.size() / 2; at-- > 0;) sift_down(heap_, at);
  while (!heap_.empty()) {
    Level& top = heap_.front();
    const auto link = static_cast<std::size_t>(top.link);
    if (unfrozen_[link] > 0) {
      // A level only grows while others freeze, so a key that is still right is the lowest.
      const double rate = std::max(top.rate, spare_[link] / unfrozen_[link]);
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
  const auto full = static_cast<std::size_t>(link);
  const double moved = rate * window;
  double least = std::numeric_limits<double>::infinity();
  for (std::uint32_t at = first_of_link_[full]; at < first_of_link_[full + 1]; ++at) {
    Flow& flow = flows_[by_link_[at]];
    if (flow.frozen >= epoch_) continue;
    flow.frozen = epoch_;
    flow.rate = rate;
    for (const int other : path_of(flow)) {
      spare_[static_cast<std::size_t>(other)] -= rate;
      --unfrozen_[static_cast<std::size_t>(other)];
    }
    if (flow.left <= moved) {
      ending_.push_back(by_link_[at]);
    } else {
      flow.left -= moved;
      least = std::min(least, flow.left);
    }
  }
  full_[full] = epoch_;
  earliest_ = std::min(earliest_, least / rate);
}

void FluidSolver::finish(double now, std::vector<FlowEnd>& ends) {
  const double rounding = same_date(now, as_of_ - now);
  for (const std::uint32_t flow : ending_) {
    if (!pass_parts(flow, now, rounding, ends))
      earliest_ = std::min(earliest_, flows_[flow].left / flows_[flow].rate);
  }
}

bool FluidSolver::pass_parts(std::uint32_t index, double begin, double rounding,
                             std::vector<FlowEnd>& ends) {
  Flow& flow = flows_[index];
  for (double date = begin;;) {
    const double end = date + flow.left / flow.rate;
    if (end > as_of_ + rounding) {
      flow.left -= flow.rate * std::max(0.0, as_of_ - date);
      return false;
    }
    ends.push_back({.tag = parts_[flow.parts].tag, .date = Seconds(end)});
    date = end;
    if (flow.parts_left == 0) {
      end_flow(index, flow.rate * std::max(0.0, as_of_ - date));
      return true;
    }
    ++flow.parts;
    --flow.parts_left;
    flow.left = parts_[flow.parts].bytes;
  }
}

void FluidSolver::end_flow(std::uint32_t index, double unused_bytes) {
  Flow& flow = flows_[index];
  for (const int used : path_of(flow)) {
    const auto link = static_cast<std::size_t>(used);
    --active_[link];
    if (full_[link] == epoch_ && options_.tolerance > 0) credit_[link] += unused_bytes;
  }
  flow.frozen = kDead;
  ++dead_;
  --batches_[static_cast<std::size_t>(batch_of_[index])].flows;
  changed_ = true;
}

void FluidSolver::find_earliest() {
  earliest_ = std::numeric_limits<double>::infinity();
  for (const Flow& flow : flows_) {
    if (flow.frozen != kDead) earliest_ = std::min(earliest_, flow.left / flow.rate);
  }
}

}  // namespace moesim
