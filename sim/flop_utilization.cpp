#include "sim/flop_utilization.hpp"

#include "sim/calibration/dense_cost.hpp"
#include "sim/draw_sequences.hpp"

namespace moesim {

double flop_utilization(const Scenario& scenario, const RunResult& result) {
  Sequences batch;
  const IdVector<GpuId, Sequences> drawn = draw_sequences(scenario);
  for (const Sequences& own : drawn) batch.insert(batch.end(), own.begin(), own.end());
  double tokens = 0, seconds = 0;
  for (const StepRecord& step : result.steps) {
    tokens += static_cast<double>(step.tokens);
    seconds += step.seconds;
  }
  const double peak = scenario.cluster->gpu().peak_of(scenario.model.expert_dtype).value;
  // Each product has two more in the backward pass.
  const double passes = scenario.workload.phase == WorkloadPhase::kTraining ? 3 : 1;
  return passes * tokens / new_tokens(batch) * model_flops(scenario.model, batch) /
         (seconds * result.gpus * peak);
}

}  // namespace moesim
