// The events of a scenario along the steps of its run.
#pragma once

#include <memory>
#include <vector>

#include "sim/event/event.hpp"

namespace moesim {

// Steps here count from 0 over all steps of the run, warm-up first; events count as the results do.
class EventTimeline {
 public:
  // Throws InputError where events together leave too few experts or no GPU.
  explicit EventTimeline(const Scenario& scenario);

  bool empty() const { return events_.empty(); }
  // What the events want to see of the routes.
  RoutingDetail needs() const;
  // A seed that only one event has.
  Random random_of(std::size_t event) const;
  // The trace with the events in it.
  std::unique_ptr<Trace> changed(std::unique_ptr<Trace> trace) const;

  // Valid until the next call. Of a step that comes, what can be known of it now.
  const Conditions& at(int step) const;
  // Step `step` is over; routes to each expert in it, [layers × experts].
  void step_ended(int step, const ExpertLoad& load);

  // The events of the scenario, in its order, and the step in the results of a step here.
  const std::vector<std::unique_ptr<Event>>& events() const { return events_; }
  int shown_step(int step) const { return step - warmup_; }
  const std::string& kind_of(std::size_t event) const { return scenario_.events[event].kind; }
  // Experts that each event has masked beyond what those before it had, over all layers, at a step
  // as the results count.
  std::vector<int> masked_by_event(int shown_step) const;

 private:
  Conditions conditions_at(int step, std::vector<int>* masked) const;
  void check(int step) const;

  const Scenario& scenario_;
  int warmup_ = 0;
  std::vector<std::unique_ptr<Event>> events_;
  std::vector<ExpertLoad> seen_;  // of each event that watches, [events]
  int ended_ = 0;                 // steps
  mutable Conditions now_;
  mutable int now_step_ = -1, now_ended_ = -1;
};

}  // namespace moesim
