#include "analysis/plan/batch_search.hpp"

#include <algorithm>
#include <cmath>

#include "sim/base/check.hpp"

namespace moesim {

BatchSearch::BatchSearch(std::vector<int> batches, double limit, std::optional<int> guess)
    : batches_(std::move(batches)), limit_(limit), high_(static_cast<int>(batches_.size())) {
  MOESIM_CHECK(!batches_.empty(), "there is a batch to look at");
  guess_ = high_ - 1;
  if (guess)
    guess_ = static_cast<int>(std::upper_bound(batches_.begin(), batches_.end(), *guess) -
                              batches_.begin()) -
             1;
}

int BatchSearch::estimate() const {
  if (values_.empty()) return guess_;
  const auto batch = [&](int index) {
    return static_cast<double>(batches_[static_cast<std::size_t>(index)]);
  };
  // The two known batches that are nearest to the limit; a line through one of them and a step of
  // no time where there is only one.
  auto right = values_.lower_bound(std::max(low_, 0));
  if (right == values_.end()) right = std::prev(values_.end());
  if (right->first <= low_ && std::next(right) != values_.end()) right = std::next(right);
  double from = 0, value = 0;
  if (right != values_.begin()) {
    from = batch(std::prev(right)->first);
    value = std::prev(right)->second;
  }
  const double rise = right->second - value;
  if (!std::isfinite(right->second) || !(rise > 0)) return (low_ + high_) / 2;
  const double crossing = from + (limit_ - value) / rise * (batch(right->first) - from);
  return static_cast<int>(std::upper_bound(batches_.begin(), batches_.end(), crossing) -
                          batches_.begin()) -
         1;
}

std::optional<int> BatchSearch::next() const {
  if (high_ - low_ <= 1) return std::nullopt;
  const int index = slow_ ? (low_ + high_) / 2 : estimate();
  return batches_[static_cast<std::size_t>(std::clamp(index, low_ + 1, high_ - 1))];
}

void BatchSearch::tell(int batch, double value) {
  const int index = static_cast<int>(std::lower_bound(batches_.begin(), batches_.end(), batch) -
                                     batches_.begin());
  const int open = high_ - low_;
  values_[index] = value;
  (value <= limit_ ? low_ : high_) = index;
  slow_ = !slow_ && values_.size() > 2 && 2 * (high_ - low_) > open;
}

std::optional<int> BatchSearch::best() const {
  if (low_ < 0) return std::nullopt;
  return batches_[static_cast<std::size_t>(low_)];
}

std::vector<int> batch_grid(int most, int step) {
  constexpr int kFine = 32;  // steps from which on batches lie further apart
  std::vector<int> grid;
  for (int batch = 1; batch < step && batch <= most; batch *= 2) grid.push_back(batch);
  for (int batch = step; batch <= most; batch += std::max(1, batch / (step * kFine)) * step)
    grid.push_back(batch);
  return grid;
}

}  // namespace moesim
