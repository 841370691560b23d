#include "sim/engine/fluid_solver.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "sim/base/check.hpp"

namespace moesim {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();

}  // namespace

FluidSolver::FluidSolver(std::vector<BytesPerSecond> capacities, double tolerance)
    : tolerance_(tolerance),
      states_(capacities.size()),
      links_(capacities.size()),
      link_flows_(capacities.size()) {
  for (std::size_t link = 0; link < capacities.size(); ++link)
    links_[link].capacity = states_[link].spare = capacities[link].value;
}

int FluidSolver::open_batch(const FlowBatch& batch) {
  std::size_t slot = 0;
  while (slot < batches_.size() && (batches_[slot].open || batches_[slot].flows > 0)) ++slot;
  if (slot == batches_.size()) batches_.emplace_back();
  batches_[slot] = {.spec = batch, .open = true};
  return static_cast<int>(slot);
}

void FluidSolver::begin(int batch, Seconds date) {
  Batch& begun = batches_[static_cast<std::size_t>(batch)];
  if (!begun.spec.in_turns) begun.begin = std::min(begun.begin, date.value);
}

void FluidSolver::start(std::span<const FlowId> flows, Seconds date) {
  if (flows.empty()) return;
  begin(flows_[flows.front()].batch, date);
  arrivals_.add(flows, date);
}

void FluidSolver::close_batch(int batch) { batches_[static_cast<std::size_t>(batch)].open = false; }

void FluidSolver::advance(Seconds now, FlowEnds& ends) {
  const double step = std::max(0.0, now.value - as_of_);
  const double rounding = same_date(now.value, step);
  if (step == 0 && earliest_ > rounding) return;
  const double begin = as_of_;
  as_of_ += step;
  std::erase_if(admitted_, [&](FlowId flow) {
    double& left = flows_.left[flow];
    const double rate = flows_.rate[flow];
    if (left <= 0) return true;
    if (left <= rate * (step + rounding)) return pass_parts(flow, begin, rounding, ends);
    left -= rate * step;
    return false;
  });
  move_grids(step + rounding, step);
  pass_cells(begin, rounding, ends);
}

void FluidSolver::fill(Seconds now, FlowEnds& ends) {
  if (dead_.size() > 2 * alive_ + 64) purge();
  thin_out(ends);
  admit(now.value);
  if (alive_ == 0) return;
  if (newcomers_.empty() && new_rows_.empty() && !changed_) {
    find_earliest();
    decision_ = as_of_ + earliest_;
    return;
  }
  const double window = this->window();
  changed_ = false;
  prepare_links(window);
  water_fill(window);
  end_grids(window);
  as_of_ = hold_until_ = now.value + window;
  finish(now.value, window, ends);
  if (!changed_) find_earliest_on_grids();
  decision_ = changed_ ? as_of_ : as_of_ + earliest_;
}

double FluidSolver::window() const {
  if (tolerance_ <= 0) return 0;
  double shortest = kNever;
  std::size_t tail = alive_;
  for (const Batch& batch : batches_) {
    if (batch.flows == 0) continue;
    shortest = std::min(shortest, std::max(batch.spec.expected.value, as_of_ - batch.begin));
    tail = std::min(tail, batch.spec.tail);
  }
  return alive_ <= tail ? 0 : tolerance_ * shortest;
}

void FluidSolver::admit(double now) {
  const double due = now + same_date(now, 0);
  while (!arrivals_.empty() && arrivals_.next_date().value <= due) {
    const double date = arrivals_.next_date().value;
    const double waited = tolerance_ > 0 ? std::max(0.0, now - date) : 0;
    arrivals_.take_next([&](std::span<const FlowId> flows, GridPlane plane) {
      if (plane.grid >= 0) {
        new_cells_.insert(new_cells_.end(), flows.begin(), flows.end());
        new_rows_.push_back({.plane = plane, .waited = waited, .end = new_cells_.size()});
        return;
      }
      for (const FlowId flow : flows) newcomers_.push_back({.flow = flow, .waited = waited});
    });
  }
  for (const Newcomer& newcomer : newcomers_) admit(newcomer);
  admit_rows();
}

void FluidSolver::admit(const Newcomer& newcomer) {
  const FlowId flow = newcomer.flow;
  ++alive_;
  admitted_.push_back(flow);
  enlist(flow);
  for (const int link : flows_.links(flow)) load(link, flows_.copies(flow), newcomer.waited);
  if (!flows_.has_group(flow)) return;
  const std::vector<FlowPart>& parts = flows_.group(flow).parts;
  for (std::size_t part = 0; part < parts.size(); ++part) {
    if (parts[part].queue < 0) continue;
    ++info(parts[part].queue).queuing;
    flows_of(parts[part].queue).queue.push_back({.flow = flow, .part = part});
    use(parts[part].queue);
  }
}

// Puts a flow on the lists of its links.
void FluidSolver::enlist(FlowId flow) {
  const std::span<const int> path = flows_.links(flow);
  if (path.size() == 1 || path.size() > 4 || flows_.has_group(flow)) {
    for (const int link : path) flows_of(link).others.push_back(flow);
  } else if (path.size() == 2) {
    flows_of(path[0]).pairs.push_back({.flow = flow, .other = path[1]});
    flows_of(path[1]).pairs.push_back({.flow = flow, .other = path[0]});
  } else {
    for (std::size_t at = 0; at < path.size(); ++at) {
      LinkFlows::Quad quad{.flow = flow};
      quad.others.fill(path[at]);
      for (std::size_t other = 0, to = 0; other < path.size(); ++other)
        if (other != at) quad.others[to++] = path[other];
      flows_of(path[at]).quads.push_back(quad);
    }
  }
}

void FluidSolver::load(int link, int copies, double waited) {
  LinkInfo& info = this->info(link);
  info.active += copies;
  use(link);
  if (waited <= 0) return;
  // What the link had to spare while the first of its new flows waited.
  LinkState& state = this->state(link);
  const double spare = state.grid < 0
                           ? std::exchange(state.spare, 0)
                           : grid(state.grid).take_spare(static_cast<std::size_t>(state.port));
  idle(link) += spare * waited;
}

// Takes ended flows out of the lists of links, so that their slots can be used again.
void FluidSolver::purge() {
  const auto has_ended = [&](FlowId flow) { return flows_.left[flow] <= 0; };
  for (const int link : used_links_) {
    LinkFlows& flows = flows_of(link);
    std::erase_if(flows.pairs, [&](const LinkFlows::Pair& pair) { return has_ended(pair.flow); });
    std::erase_if(flows.quads, [&](const LinkFlows::Quad& quad) { return has_ended(quad.flow); });
    std::erase_if(flows.others, has_ended);
    std::erase_if(flows.queue,
                  [&](const LinkFlows::QueuedPart& queued) { return has_ended(queued.flow); });
  }
  std::erase_if(admitted_, has_ended);
  for (const FlowId flow : dead_) flows_.remove(flow);
  dead_.clear();
}

// Lets new flows carry what they would have carried while they waited.
void FluidSolver::catch_up(double window) {
  for (const Newcomer& newcomer : newcomers_)
    if (newcomer.waited > 0) catch_up(newcomer, window);
  newcomers_.clear();
  for (const int link : used_links_) idle(link) = 0;
  for (FlowGrid& grid : grids_) grid.forget_idle();
}

void FluidSolver::catch_up(const Newcomer& newcomer, double window) {
  const FlowId flow = newcomer.flow;
  double& rate = flows_.rate[flow];
  double& left = flows_.left[flow];
  const bool ending = rate < 0;
  const double moved = ending ? 0 : rate * window;  // already taken off
  const double caught = std::min(std::abs(rate) * newcomer.waited, left + moved);
  for (const int link : flows_.links(flow))
    charge(caught * flows_.copies(flow), idle(link), credit(link));
  left -= caught;
  if (left > 0) {
    if (!ending) earliest_ = std::min(earliest_, left / rate);
    return;
  }
  // The least that is not the mark of an ended flow: what it had left ends right away.
  left = std::max(left + moved, std::numeric_limits<double>::min());
  if (ending) return;
  rate = -rate;
  ending_.push_back(flow);
}

// Moves a flow from `begin` to `as_of_` over the ends of its parts; whether it has ended.
bool FluidSolver::pass_parts(FlowId flow, double begin, double rounding, FlowEnds& ends) {
  return pass_ends(
      flows_.left[flow], flows_.rate[flow], begin, rounding, [&] { return take_debt(flow); },
      [&](double date, double unused_bytes) {
        ends.flows.push_back(end_of(flow, date));
        return end_part(flow, unused_bytes);
      });
}

FlowEnd FluidSolver::end_of(FlowId flow, double date) {
  const FlowTable::Flow& ended = flows_[flow];
  FlowEnd end{.tag = ended.tag, .date = Seconds(date), .bytes = ended.bytes};
  end.port = flows_.links(flow).back();
  if (!flows_.has_group(flow)) return end;
  const FlowPart& part = flows_.group(flow).next();
  end.bytes = part.bytes;
  if (part.queue >= 0) end.port = part.queue;
  return end;
}

// What the last flow on a link has to carry besides its own bytes.
double FluidSolver::take_debt(FlowId flow) {
  if (tolerance_ <= 0) return 0;
  double debt = 0;
  for (const int link : flows_.links(flow)) {
    const LinkState& at = state(link);
    const int on_grid = at.grid < 0 ? 0 : grid(at.grid).flows_of(at.port);
    if (info(link).active + on_grid == 1) debt = std::max(debt, moesim::take_debt(credit(link)));
  }
  return debt;
}

// The part that was to end next has; whether it was the flow's last one.
bool FluidSolver::end_part(FlowId flow, double unused_bytes) {
  for (const int link : flows_.links(flow)) {
    --info(link).active;
    release(link, unused_bytes);
  }
  changed_ = true;
  if (flows_.has_group(flow) && !end_part_of(flow, unused_bytes)) return false;
  flows_.end(flow);
  dead_.push_back(flow);
  leave_batch(flows_[flow].batch);
  return true;
}

bool FluidSolver::end_part_of(FlowId flow, double unused_bytes) {
  FlowTable::Group& group = flows_.group(flow);
  const FlowPart& ended = group.parts[group.part++];
  if (ended.queue >= 0) {
    --info(ended.queue).queuing;
    release(ended.queue, unused_bytes);
  }
  if (group.copies() == 0) return true;
  const FlowPart& next = group.parts[group.part];
  flows_.left[flow] = next.bytes - ended.bytes;
  flows_[flow].tag.target = next.target;
  return false;
}

void FluidSolver::find_earliest() {
  earliest_ = kNever;
  for (const FlowId flow : admitted_)
    if (flows_.left[flow] > 0)
      earliest_ = std::min(earliest_, flows_.left[flow] / flows_.rate[flow]);
  find_earliest_on_grids();
}

}  // namespace moesim
