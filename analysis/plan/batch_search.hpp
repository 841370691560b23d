// The largest batch whose step keeps to a limit, with few steps simulated.
//
// A step takes longer the more there is in it, so that batches that keep to the limit lie below
// those that do not. The next batch to look at is where the line through the two nearest batches
// crosses the limit; where that line leaves more than half of the batches, the middle is taken.
#pragma once

#include <map>
#include <optional>
#include <vector>

namespace moesim {

class BatchSearch {
 public:
  // `batches` ascend and are not empty; `guess` is one of them, or the nearest below it is taken;
  // none: the largest.
  BatchSearch(std::vector<int> batches, double limit, std::optional<int> guess = {});

  std::optional<int> next() const;  // the batch to look at; none: the search has ended
  // `value`: how long the step takes; infinite where it cannot be run.
  void tell(int batch, double value);
  std::optional<int> best() const;  // the largest that is known to keep to the limit

 private:
  int estimate() const;  // an index that may lie outside the bracket

  std::vector<int> batches_;
  double limit_ = 0;
  int low_ = -1, high_ = 0;  // indices: known to keep to it, and known not to
  int guess_ = 0;
  bool slow_ = false;             // the last look left more than half of what was open
  std::map<int, double> values_;  // by index
};

// Batches that are looked at up to `most`: 1, 2, 4, …, then multiples of `step`, from 32 steps on
// about 3 % apart.
std::vector<int> batch_grid(int most, int step);

}  // namespace moesim
