// How long the sequences of a batch are: KV caches of answers, and prompts.
#pragma once

#include "sim/base/random.hpp"
#include "sim/base/registry.hpp"

namespace moesim {

class Lengths {
 public:
  static constexpr const char* kRole = "lengths";
  virtual ~Lengths() = default;
  // Tokens of the next sequence, at least 1. `mean`: what the workload says.
  virtual double draw(double mean, Rng& rng) const = 0;
  // Whether `mean` says anything; not where the lengths are measured ones.
  virtual bool needs_mean() const { return true; }
};

}  // namespace moesim
