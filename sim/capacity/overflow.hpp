// What becomes of routes that found their expert full (policies.md 2.4).
#pragma once

#include "sim/capacity/admission.hpp"

namespace moesim {

enum class Overflow {
  kDrop,         // nothing: the token goes past this expert
  kNextBest,     // the best expert that the token does not use and that has room, by the logits
  kLocal,        // an expert on the token's own GPU, the one with most room
  kLeastLoaded,  // the expert with most room
};

struct OverflowRule {
  Overflow overflow = Overflow::kDrop;
  int tries = 1;  // experts that kNextBest looks at
};

// Gives the routes of `asked` that are not in the routing any more to other experts of the queue,
// in token order, weights as they were. Equal room: the lower expert. Returns how many were given.
std::int64_t reroute(Routing& routing, std::span<const std::int16_t> asked, const Queue& queue,
                     const OverflowRule& rule, const CapacityRequest& request);

// GShard's random second expert: routes after a token's first are asked for with the chance weight
// / threshold, where the weights are over their sum. Takes the others out.
void ask_at_random(Routing& routing, double threshold, const CapacityRequest& request);

// Divides the weights of a token's kept routes by their sum (DeepSpeed's top-2 and top-k).
void renormalize(Routing& routing);

}  // namespace moesim
