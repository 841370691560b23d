// A layer with the copies of one batch: where its routes go, and how the weights get there.
#pragma once

#include <optional>

#include "sim/model/cost_model.hpp"
#include "sim/model/task_graph.hpp"
#include "sim/step_placement/step_placement.hpp"

namespace moesim {

struct ExtendedLayer {
  LayerPlacement placement;     // the slots of each GPU, then those of its temporary copies
  std::vector<bool> temporary;  // [slots]
  Assignment assignment;        // of the same routes
  // Some copy computes routes of another GPU, so that its GPU waits for tokens, too.
  bool copies_receive = false;
};

// Of a source's routes to a slot the first in the order of its tokens are taken first. Throws
// InputError at `spot` where there are more slots than ids for them.
ExtendedLayer extend(const LayerPlacement& placement, const Assignment& assignment,
                     const Routing& routing, const StepCopies& copies, const Spot& spot);

// What brings the weights of the copies. On the way between GPUs they are an exchange, from hosts a
// copy of each GPU's own.
struct WeightCopies {
  std::optional<Exchange> between_gpus;
  std::optional<Compute> from_hosts;
  double bytes = 0;  // that arrive at GPUs; through a GPU that hands them on, once each
};
inline constexpr int kCopyStream = 6;  // of copies from hosts: beside kernels

WeightCopies weight_copies(const StepCopies& copies, const WeightTravel& travel,
                           const LayerPlacement& placement, const MoeModel& model,
                           const Cluster& cluster, const CostModel& cost);

}  // namespace moesim
