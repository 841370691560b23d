// Searches of the largest batch for many options at once, in rounds, so that steps of different
// options are simulated at the same time.
#pragma once

#include "analysis/plan/step_source.hpp"

namespace moesim {

struct BatchTask {
  PlanOption option;
  std::vector<int> grid;  // not empty
  Seconds limit;          // of the step as simulated
  std::optional<int> guess = {};
  bool screening = false;
  StepConditions conditions = {};
};

struct BatchResult {
  std::optional<SeenBatch> best;  // none: no batch keeps to the limit
  std::vector<SeenBatch> seen;    // that ran, by batch
  std::string why_not;            // of the last batch that could not be run; may be empty
};

// In the order of the tasks.
std::vector<BatchResult> search_batches(StepSource& source, const std::vector<BatchTask>& tasks);

}  // namespace moesim
