// Rows that the slots of a layer compute.
#pragma once

#include <vector>

#include "sim/model/placement.hpp"
#include "sim/model/routing.hpp"
#include "sim/replica/replica.hpp"

namespace moesim {

// `padding` [source gpu × expert] on the slots: an expert's copies share it evenly. None of none.
IdMatrix<GpuId, SlotId, double> padding_of_slots(const ExpertCounts& padding,
                                                 const LayerPlacement& placement);

// Of each slot: routes and padding, up to a multiple.
std::vector<int> slot_rows(const Assignment& assignment, int multiple);

}  // namespace moesim
