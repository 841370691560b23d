// What the load of the next steps is taken to be, from steps that have ended.
#pragma once

#include <deque>
#include <functional>
#include <vector>

#include "sim/rebalance/rebalance.hpp"

namespace moesim {

class LoadEstimate {
 public:
  // `future(step)` is the load of a step that comes, [layers × experts], in tokens. Only the
  // estimator kFuture asks.
  LoadEstimate(const RebalanceOptions& options, std::function<ExpertLoad(int step)> future);

  // The load of step `step`, the next one in order, [layers × experts], in tokens.
  void add(int step, ExpertLoad load);
  // Tokens of one step, [layers × experts], after step `step` has ended. At least one was added.
  ExpertLoad load(int step) const;
  // Likewise of single steps, the oldest first: those that load() sums up, the last `most` of them.
  // The estimator kEma has only its average.
  std::vector<ExpertLoad> steps(int step, int most) const;

 private:
  RebalanceOptions options_;
  std::function<ExpertLoad(int)> future_;
  std::deque<ExpertLoad> window_;  // newest last
  ExpertLoad sum_;                 // of the window; of kEma the decayed sum
  double weight_ = 0;              // of the steps in it
};

}  // namespace moesim
