#include "sim/trace/trace.hpp"

namespace moesim {

void refuse_logits(const RoutingRequest& request, const Spot& spot) {
  if (request.detail == RoutingDetail::kLogits)
    throw InputError(spot, "this trace has no router logits, which the gate needs",
                     "replay a recorded trace that has them (trace kind 'file')");
}

}  // namespace moesim
