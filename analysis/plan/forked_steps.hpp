// Steps of a plan, each simulated in a forked child of its own, and none of them twice.
#pragma once

#include <functional>
#include <map>

#include "analysis/plan/step_source.hpp"
#include "sim/model/scenario.hpp"

namespace moesim {

class ForkedSteps final : public StepSource {
 public:
  struct Options {
    int jobs = 1;
    std::function<void(int)> on_done = {};  // steps that were simulated so far
  };
  // The question must live as long.
  ForkedSteps(const PlanQuestion& question, Options options);

  std::vector<OptionRoom> rooms(const std::vector<PlanOption>& options) override;
  // Throws VariantFailed where a child found a bug.
  std::vector<StepAnswer> steps(const std::vector<StepQuery>& queries) override;
  bool has_skew(const PlanOption& option) const override;
  int simulated() const override { return simulated_; }

 private:
  // Runs the scenarios that are not in the cache, whose keys are their resolved texts.
  void simulate_new(std::map<std::string, Scenario> scenarios);

  const PlanQuestion& question_;
  Options options_;
  int simulated_ = 0;
  std::map<std::string, StepAnswer> cache_;  // by resolved scenario
};

}  // namespace moesim
