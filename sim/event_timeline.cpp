#include "sim/event_timeline.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moesim {
namespace {

int masked_experts(const Conditions& conditions) {
  const auto& masks = conditions.masks.raw();
  return static_cast<int>(masks.size()) - open_experts(masks);
}

}  // namespace

EventTimeline::EventTimeline(const Scenario& scenario)
    : scenario_(scenario), warmup_(scenario.workload.warmup_steps), seen_(scenario.events.size()) {
  for (const Choice& event : scenario.events) events_.push_back(Registry<Event>::make(event));
  if (empty()) return;
  for (int step = 0; step < warmup_ + scenario.workload.steps; ++step) check(step);
}

void EventTimeline::check(int step) const {
  const Conditions conditions = conditions_at(step, nullptr);
  const Spot& spot = scenario_.events.front().spot;
  if (static_cast<int>(conditions.dead.size()) >= scenario_.cluster->gpus())
    throw InputError(spot, fmt::format("no GPU is alive in step {}", shown_step(step)));
  const int top_k = conditions.top_k.value_or(scenario_.model.top_k);
  for (const LayerId layer : conditions.masks.row_ids())
    if (const int open = open_experts(conditions.masks.row(layer)); open < top_k)
      throw InputError(spot, fmt::format("{} experts are left in step {}, but a token asks for {}",
                                         open, shown_step(step), top_k));
}

RoutingDetail EventTimeline::needs() const {
  RoutingDetail most = RoutingDetail::kCounts;
  for (const auto& event : events_) most = std::max(most, event->needs());
  return most;
}

Random EventTimeline::random_of(std::size_t event) const {
  // No step has such a number.
  Rng rng(scenario_.seed, Purpose::kJitter, ~static_cast<std::uint32_t>(event));
  const std::uint64_t high = rng.next();
  return Random((high << 32U) | rng.next());
}

std::unique_ptr<Trace> EventTimeline::changed(std::unique_ptr<Trace> trace) const {
  for (std::size_t i = 0; i < events_.size(); ++i)
    trace = events_[i]->changed(std::move(trace), scenario_, random_of(i));
  return trace;
}

Conditions EventTimeline::conditions_at(int step, std::vector<int>* masked) const {
  Conditions conditions;
  for (std::size_t i = 0; i < events_.size(); ++i) {
    const std::optional<StepRange> watched = events_[i]->watches();
    const bool complete =
        watched && !seen_[i].empty() && (!watched->end || ended_ - warmup_ >= *watched->end);
    const int before = masked != nullptr ? masked_experts(conditions) : 0;
    events_[i]->apply(
        {.step = shown_step(step), .scenario = scenario_, .seen = complete ? &seen_[i] : nullptr},
        conditions);
    if (masked != nullptr) masked->push_back(masked_experts(conditions) - before);
  }
  return conditions;
}

const Conditions& EventTimeline::at(int step) const {
  if (empty() || (step == now_step_ && ended_ == now_ended_)) return now_;
  now_ = conditions_at(step, nullptr);
  now_step_ = step;
  now_ended_ = ended_;
  return now_;
}

std::vector<int> EventTimeline::masked_by_event(int shown_step) const {
  std::vector<int> masked;
  conditions_at(shown_step + warmup_, &masked);
  return masked;
}

void EventTimeline::step_ended(int step, const ExpertLoad& load) {
  ended_ = step + 1;
  for (std::size_t i = 0; i < events_.size(); ++i) {
    const std::optional<StepRange> watched = events_[i]->watches();
    if (!watched || !watched->contains(shown_step(step))) continue;
    if (seen_[i].empty()) seen_[i] = ExpertLoad(load.rows(), load.columns());
    for (std::size_t at = 0; at < load.raw().size(); ++at) seen_[i].raw()[at] += load.raw()[at];
  }
}

}  // namespace moesim
