#include "analysis/plan/answer.hpp"

#include <algorithm>

namespace moesim {

std::string to_string(OptionState state) {
  switch (state) {
    case OptionState::kImpossible:
      return "impossible";
    case OptionState::kNoRoom:
      return "no_room";
    case OptionState::kTooSlow:
      return "too_slow";
    case OptionState::kPruned:
      return "pruned";
    case OptionState::kDecided:
      return "decided";
  }
  return "";
}

std::vector<const PoolSize*> pools_of(const Deployment& deployment) {
  std::vector<const PoolSize*> pools = {&deployment.decode};
  if (deployment.prefill) pools.push_back(&*deployment.prefill);
  return pools;
}

std::optional<double> step_error_of(const Deployment& deployment) {
  std::optional<double> error;
  for (const PoolSize* pool : pools_of(deployment))
    if (pool->point.step.error) error = std::max(error.value_or(0), *pool->point.step.error);
  return error;
}

}  // namespace moesim
