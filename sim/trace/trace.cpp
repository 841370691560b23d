#include "sim/trace/trace.hpp"

namespace moesim {

void refuse_logits(const RoutingRequest& request, const Spot& spot) {
  if (request.detail == RoutingDetail::kLogits)
    throw InputError(
        spot, "this trace has no router logits, which the gate or the capacity needs",
        "trace kind 'logits' makes some, and a recorded trace (kind 'file') may have them");
}

}  // namespace moesim
