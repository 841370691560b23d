// Walking the routes of a layer and giving each a slot: what the replica policies share.
#pragma once

#include "sim/replica/replica.hpp"

namespace moesim {

// One route: choice `choice` of the `token`-th token of `source` asks for `expert`.
struct RoutePlace {
  GpuId source;
  int token = 0;  // counted from 0 on each source
  int choice = 0;
  ExpertId expert;
};

inline Assignment empty_assignment(const ReplicaRequest& request) {
  return {.routes = IdMatrix<GpuId, SlotId, int>(request.routing.gpus(), request.placement.slots()),
          .slots = std::vector<std::int16_t>(request.routing.ids.size(), -1)};
}

// Gives every route the slot choose(RoutePlace, slots of its expert), source by source, in token
// order. For routings with ids.
template <class Choose>
Assignment assign_each_route(const ReplicaRequest& request, Choose choose) {
  const Routing& routing = request.routing;
  Assignment assignment = empty_assignment(request);
  std::size_t at = 0;
  for (const GpuId source : routing.counts.row_ids()) {
    const auto row = assignment.routes.row(source);
    for (int token = 0; token < routing.tokens_of(source); ++token) {
      for (int choice = 0; choice < routing.top_k; ++choice, ++at) {
        if (routing.ids[at] < 0) continue;
        const ExpertId expert(static_cast<int>(routing.ids[at]));
        const RoutePlace place{
            .source = source, .token = token, .choice = choice, .expert = expert};
        const SlotId slot = choose(place, request.placement.slots_of[expert]);
        assignment.slots[at] = static_cast<std::int16_t>(slot.value);
        ++row[slot.index()];
      }
    }
  }
  return assignment;
}

// For routings with counts only: the routes of a (source, expert) in equal shares over the copies.
// What does not divide goes to the copies from number (source + expert) on, so that no copy is
// favoured over all sources.
Assignment deal_counts_evenly(const ReplicaRequest& request);

}  // namespace moesim
