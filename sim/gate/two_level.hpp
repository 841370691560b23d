// GShard's top-2, whose second choice may be left out, alone and over groups of experts
// (policies.md 1.3, 1.12).
#pragma once

#include "sim/gate/gating.hpp"

namespace moesim {

enum class SecondPolicy {
  kAll,
  kNone,
  kThreshold,  // where its gate is above the threshold
  kRandom,     // with probability gate / threshold (GShard)
  kFastMoe     // unless 2 · gate < u (FastMoE's random_routing)
};

struct GshardRule {
  SecondPolicy second = SecondPolicy::kAll;
  double threshold = 0.2;
};

// Top-2 of the softmax, weights over their sum + 1e-9. A second choice that is not asked for is −1,
// its weight stays. `uniforms` [tokens], for the random policies.
Gating gshard_top2(const Logits& logits, const GshardRule& rule, std::span<const double> uniforms);

struct TwoLevelRule {
  int groups = 1;          // equal and contiguous; at least 2
  int group_capacity = 0;  // tokens that a group takes, first choices first; 0 = all
};

// Top-2 groups by the sum of their experts' softmax, then the top-2 experts inside each by the
// softmax there; both levels' weights are over their sum, and multiplied. A token's experts stand
// in the order of its groups: four of them, or fewer where a group is full or has one expert only.
Gating two_level_top2(const Logits& logits, const TwoLevelRule& rule);

}  // namespace moesim
