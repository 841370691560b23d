#include "sim/trace/trace.hpp"

namespace moesim {

// Steps of a profiling window have numbers of their own, below 0: other draws than any replayed
// step's.
Routing Trace::profile_route(const RoutingRequest& request) const {
  RoutingRequest apart = request;
  apart.step = StepId(-1 - request.step.value);
  return route(apart);
}

void refuse_logits(const RoutingRequest& request, const Spot& spot) {
  if (request.detail == RoutingDetail::kLogits)
    throw InputError(
        spot, "this trace has no router logits, which the gate, the capacity or an event needs",
        "trace kind 'logits' makes some, and a recorded trace (kind 'file') may have them");
}

}  // namespace moesim
