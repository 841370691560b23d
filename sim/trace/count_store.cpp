#include "sim/trace/count_store.hpp"

namespace moesim {

CountStore::CountStore(const Hdf5Trace& file, double holdout) {
  const std::vector<std::int64_t>& numbers = file.count_steps();
  std::vector<Step> steps;
  for (std::size_t batch = 0; batch < numbers.size(); ++batch) {
    if (batch == 0 || numbers[batch] != numbers[batch - 1]) steps.emplace_back();
    steps.back().push_back(static_cast<std::int64_t>(batch));
  }
  hold_out(steps, 1, holdout, replayed_, held_);
}

void CountStore::add(const Hdf5Trace& file, const Step& step, int layer, std::vector<double>& sum) {
  for (const std::int64_t batch : step) {
    const std::vector<std::int64_t> counts = file.counts(batch);
    for (std::size_t e = 0; e < sum.size(); ++e)
      sum[e] += static_cast<double>(counts[static_cast<std::size_t>(layer) * sum.size() + e]);
  }
}

std::vector<double> CountStore::counts(const Hdf5Trace& file, std::size_t step, int layer) const {
  std::vector<double> sum(static_cast<std::size_t>(file.header().experts), 0.0);
  add(file, replayed_[step], layer, sum);
  return sum;
}

std::vector<double> CountStore::window_counts(const Hdf5Trace& file, int layer) const {
  std::vector<double> sum(static_cast<std::size_t>(file.header().experts), 0.0);
  for (const Step& step : held_.empty() ? replayed_ : held_) add(file, step, layer, sum);
  return sum;
}

}  // namespace moesim
