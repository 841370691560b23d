// The linear relaxation of the best map: a lower bound on the largest GPU load.
#pragma once

#include <span>

#include "sim/model/placement.hpp"

namespace moesim {

// No map with the copies and the slots of `layer` has a lower largest GPU load. `load` [experts];
// the answer is in its unit.
//
// The relaxation of minmax_ilp, in which a copy may be cut into parts that lie on different GPUs,
// with the heaviest copy held whole on one GPU: that GPU's other slots must be filled, too, so the
// bound is never below the mean load, the heaviest copy, or that copy with the lightest company.
// GPUs with equally many slots are added up (an answer averaged over GPUs that are alike is an
// answer), which keeps the program at a few variables an expert.
double relaxed_bound(const LayerPlacement& layer, std::span<const double> load);

}  // namespace moesim
