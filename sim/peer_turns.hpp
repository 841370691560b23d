// The routes of a layer in turns of groups of GPUs (overlap fastermoe).
#pragma once

#include "sim/model/placement.hpp"
#include "sim/model/routing.hpp"

namespace moesim {

// With groups of `group` neighbouring ranks: the routes whose expert is so many groups (modulo
// their number) behind the source's. The other routes of a token are none. Every expert has one
// slot.
Routing routes_of_turn(const Routing& routing, const LayerPlacement& placement, int group,
                       int turn);

}  // namespace moesim
