// The routes of a layer in turns of groups of GPUs (overlap fastermoe).
#pragma once

#include "sim/model/placement.hpp"
#include "sim/model/routing.hpp"
#include "sim/replica/replica.hpp"

namespace moesim {

// With groups of `group` neighbouring ranks: of `whole`, what goes to slots that are so many groups
// (modulo their number) behind the source's. The other choices of a token are none.
Assignment assignment_of_turn(const Assignment& whole, const Routing& routing,
                              const LayerPlacement& placement, int group, int turn);

}  // namespace moesim
