#include "sim/rebalance/load_estimate.hpp"

#include <algorithm>

#include "sim/base/check.hpp"

namespace moesim {
namespace {

void add_times(ExpertLoad& sum, const ExpertLoad& load, double factor) {
  if (sum.empty()) sum = ExpertLoad(load.rows(), load.columns());
  for (std::size_t i = 0; i < load.raw().size(); ++i) sum.raw()[i] += factor * load.raw()[i];
}

ExpertLoad times(ExpertLoad load, double factor) {
  for (double& tokens : load.raw()) tokens *= factor;
  return load;
}

}  // namespace

LoadEstimate::LoadEstimate(const RebalanceOptions& options, std::function<ExpertLoad(int)> future)
    : options_(options), future_(std::move(future)) {}

void LoadEstimate::add(int, ExpertLoad load) {
  if (options_.estimator == Estimator::kFuture) return;
  if (options_.estimator == Estimator::kEma) {
    sum_ = times(std::move(sum_), options_.decay);
    weight_ *= options_.decay;
  }
  add_times(sum_, load, 1);
  ++weight_;
  if (options_.estimator == Estimator::kEma) return;
  window_.push_back(std::move(load));
  const int kept = options_.estimator == Estimator::kLast ? 1 : options_.window;
  if (static_cast<int>(window_.size()) <= kept) return;
  add_times(sum_, window_.front(), -1);  // counts of tokens: nothing is lost to rounding
  window_.pop_front();
  --weight_;
}

ExpertLoad LoadEstimate::load(int step) const {
  if (options_.estimator != Estimator::kFuture) {
    MOESIM_CHECK(weight_ > 0, "a load is estimated from at least one step");
    return times(sum_, 1 / weight_);
  }
  ExpertLoad sum;
  for (int i = 1; i <= options_.window; ++i) add_times(sum, future_(step + i), 1);
  return times(std::move(sum), 1.0 / options_.window);
}

std::vector<ExpertLoad> LoadEstimate::steps(int step, int most) const {
  if (options_.estimator == Estimator::kEma) return {load(step)};
  std::vector<ExpertLoad> steps;
  if (options_.estimator == Estimator::kFuture)
    for (int i = 1; i <= std::min(options_.window, most); ++i) steps.push_back(future_(step + i));
  else
    steps.assign(window_.end() - std::min<std::ptrdiff_t>(most, std::ssize(window_)),
                 window_.end());
  return steps;
}

}  // namespace moesim
