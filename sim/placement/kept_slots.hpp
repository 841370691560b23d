// Renumbering the slots of a new map so that less moves inside GPUs.
#pragma once

#include "sim/model/placement.hpp"

namespace moesim {

// `next` with the slots of each GPU in another order: an expert that the GPU holds now, too, stays
// in its slot of `present` (as many copies as both have); the others fill the slots that are left,
// in their order. Both maps have the same slots on each GPU. After vLLM's
// preserve_intragpu_slots.
LayerPlacement with_kept_slots(LayerPlacement next, const LayerPlacement& present);

}  // namespace moesim
