// Letting at most so many routes into each expert: the rules for who gets in.
#pragma once

#include "sim/capacity/capacity.hpp"

namespace moesim {

// Tokens whose routes queue together: those of the sources [first, last).
struct Queue {
  int first_gpu = 0;
  int last_gpu = 0;
  int capacity = 0;  // routes that each expert takes from this queue
};

enum class DropRule {
  kTokenOrder,   // per expert the first routes by token, a token's choices together
  kChoiceOrder,  // per expert all first choices by token, then all second ones, and so on
  kPriority,     // the same, but tokens with a larger largest weight come first
  kWeight,       // per expert the routes with the largest weight; equals by token. Where weights
                 // are not known, a better choice counts as the larger weight.
  kRandom        // per expert routes at random (DeepSpeed's random token selection)
};

// Takes the routes that do not get in out of ids and counts. With counts only, the queue's routes
// of an expert are cut to its capacity: in source order for the order rules, in proportion to the
// sources' routes for the weight rule; the other rules need ids.
void drop_excess(Routing& routing, const Queue& queue, DropRule rule,
                 const CapacityRequest& request);

// The same with a budget for each GPU, over all sources, instead of each expert. The routes of an
// expert with several copies count on these in turn, in the order of tokens, whichever copies they
// will go to: who goes where is decided when it is known who goes. `exempt` says which tokens are
// never dropped, [tokens] or empty. Needs ids.
struct GpuBudget {
  int routes = 0;
  std::vector<std::vector<int>> gpus_of;  // of the copies of each expert, [experts]
  std::vector<std::uint8_t> exempt;       // 1 = never dropped
};
void drop_excess(Routing& routing, const GpuBudget& budget, DropRule rule,
                 const CapacityRequest& request);

// Uniform numbers of the routes in `routing`, [tokens × top_k], from streams of (seed, step, layer,
// token).
std::vector<float> route_uniforms(const Routing& routing, const CapacityRequest& request);

}  // namespace moesim
