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
  kWeight        // per expert the routes with the largest weight; equals by token. Where weights
                 // are not known, a better choice counts as the larger weight.
};

// Takes the routes that do not get in out of ids and counts. With counts only, the queue's routes
// of an expert are cut to its capacity: in source order for the order rules, in proportion to the
// sources' routes for the weight rule.
void drop_excess(Routing& routing, const Queue& queue, DropRule rule);

}  // namespace moesim
