// Steps whose times a test gives in closed form, and that counts who asks.
#pragma once

#include <functional>
#include <set>

#include "analysis/plan/step_source.hpp"

namespace moesim {

class FakeSteps final : public StepSource {
 public:
  explicit FakeSteps(const PlanQuestion& question) : question_(question) {}

  std::function<double(const StepQuery&)> seconds;  // of a step; infinite: it cannot be run
  std::function<int(const PlanOption&)> room = [](const PlanOption&) { return 512; };
  double error = 0.1, yield = 1;  // tokens that an answer gets from a step

  std::vector<OptionRoom> rooms(const std::vector<PlanOption>& options) override {
    std::vector<OptionRoom> rooms;
    for (const PlanOption& option : options) {
      rooms.push_back({.batch = room(option), .gpus = 8 * option.nodes, .yield = yield});
      if (rooms.back().batch > 0) continue;
      rooms.back().why_not = "it does not fit";
      rooms.back().way_out = "take more nodes";
      rooms.back().lack = 1.5;
    }
    return rooms;
  }

  std::vector<StepAnswer> steps(const std::vector<StepQuery>& queries) override {
    std::vector<StepAnswer> answers;
    for (const StepQuery& query : queries) {
      asked.insert(query);
      ++count;
      const int gpus = 8 * query.option.nodes;
      const double step = seconds(query);
      const bool prefill = query.option.pool == PlanPoolKind::kPrefill;
      const double tokens = query.batch * (prefill ? question_.workload.prompt : yield);
      answers.push_back({.step = Seconds(step),
                         .tokens_per_s = tokens * gpus / step,
                         .gpus = gpus,
                         .yield = yield,
                         .error = error});
    }
    return answers;
  }

  bool has_skew(const PlanOption&) const override { return true; }
  int simulated() const override { return count; }

  std::multiset<StepQuery> asked;
  int count = 0;

 private:
  const PlanQuestion& question_;
};

}  // namespace moesim
