// What new maps of experts were worth: Rebalancer::report.
#include "sim/rebalancer.hpp"

namespace moesim {
namespace {

constexpr auto kMigrationPhase = static_cast<std::size_t>(Phase::kMigration);

struct Period {
  std::optional<double> imbalance, seconds;  // means over its steps
};

// Of the measured steps first .. end − 1.
Period mean_of(const std::vector<StepRecord>& steps, int first, int end, bool waits) {
  double imbalance = 0, seconds = 0;
  int count = 0;
  for (const StepRecord& step : steps) {
    if (step.step < first || step.step >= end) continue;
    imbalance += step.imbalance.gpu_max_over_mean;
    seconds += step.seconds - (waits ? step.breakdown[kMigrationPhase] : 0);
    ++count;
  }
  if (count == 0) return {};
  return {.imbalance = imbalance / count, .seconds = seconds / count};
}

}  // namespace

void Rebalancer::report(int warmup, RunResult& result) const {
  const bool waits = options_.execution != Execution::kAsync;
  result.rebalances = records_;
  std::vector<RebalanceRecord>& all = result.rebalances;
  for (RebalanceRecord& record : all) record.step -= warmup, record.effective -= warmup;
  for (std::size_t i = 0; i < all.size(); ++i) {
    RebalanceRecord& record = all[i];
    const int first = i == 0 ? 0 : all[i - 1].effective;
    const int end =
        i + 1 < all.size() ? all[i + 1].step + 1 : static_cast<int>(result.steps.size());
    const Period before = mean_of(result.steps, first, record.step + 1, waits);
    const Period after = mean_of(result.steps, record.effective, end, waits);
    record.realised_before = before.imbalance, record.realised_after = after.imbalance;
    record.step_before = before.seconds, record.step_after = after.seconds;
    for (const StepRecord& step : result.steps)
      if (waits && step.step > record.step && step.step <= record.effective)
        record.stall_s += step.breakdown[kMigrationPhase];
  }
  for (StepRecord& step : result.steps)
    if (const auto bytes = bytes_of_step_.find(step.step + warmup); bytes != bytes_of_step_.end())
      step.migration_bytes += bytes->second;
}

}  // namespace moesim
