// Copies in turn over the flattened routes of a source: route (t, j) takes copy (t·k + j) mod n
// (vLLM's first generation). Where n divides k, that is the choice's place alone, so the split is
// as even as the expert's places are. With counts only, the copies share each source's routes
// equally.
#include "sim/replica/dealing.hpp"

namespace moesim {
namespace {

class RoundRobinFlat final : public Replica {
 public:
  explicit RoundRobinFlat(const Arguments&) {}
  RoutingDetail needs() const override { return RoutingDetail::kCounts; }

  Assignment assign(const ReplicaRequest& request) const override {
    if (!request.routing.has_ids()) return deal_counts_evenly(request);
    const int top_k = request.routing.top_k;
    return assign_each_route(request, [&](const RoutePlace& at, const std::vector<SlotId>& slots) {
      const std::size_t route = static_cast<std::size_t>(at.token * top_k + at.choice);
      return slots[route % slots.size()];
    });
  }
};

const Register<Replica, RoundRobinFlat> kRoundRobinFlat{
    {.name = "round_robin_flat",
     .summary = "copies in turn over the routes of a source: (token · k + choice) mod copies",
     .source = "vLLM"}};

}  // namespace
}  // namespace moesim
