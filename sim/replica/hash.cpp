// The copy by a multiplicative hash of the token's index: ((t · 2654435769) mod 2^32) mod n (vLLM's
// second generation). All choices of a token share the hash. With counts only, the copies share
// each source's routes equally: the hash deals consecutive tokens evenly.
#include "sim/replica/dealing.hpp"

namespace moesim {
namespace {

class Hash final : public Replica {
 public:
  explicit Hash(const Arguments&) {}
  RoutingDetail needs() const override { return RoutingDetail::kCounts; }

  Assignment assign(const ReplicaRequest& request) const override {
    if (!request.routing.has_ids()) return deal_counts_evenly(request);
    return assign_each_route(request, [](const RoutePlace& at, const std::vector<SlotId>& slots) {
      const std::uint32_t hash = static_cast<std::uint32_t>(at.token) * 2654435769U;
      return slots[hash % slots.size()];
    });
  }
};

const Register<Replica, Hash> kHash{{.name = "hash",
                                     .summary = "copy by a hash of the token's index on its source",
                                     .source = "vLLM"}};

}  // namespace
}  // namespace moesim
