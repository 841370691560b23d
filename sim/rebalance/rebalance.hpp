// When to move experts, and how.
#pragma once

#include "sim/base/registry.hpp"
#include "sim/model/placement.hpp"

namespace moesim {

class Rebalance {
 public:
  static constexpr const char* kRole = "rebalance";
  virtual ~Rebalance() = default;
  // The load of a step that has ended: a new placement from the next step on, or nothing.
  virtual std::optional<Placement> after_step(StepId step, const ExpertLoad& load) = 0;
};

}  // namespace moesim
