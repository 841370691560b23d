// No capacity limit: every route is served (MegaBlocks, Megatron without a factor, all serving
// engines).
#include <numeric>

#include "sim/capacity/capacity.hpp"

namespace moesim {
namespace {

class NoCapacity final : public Capacity {
 public:
  explicit NoCapacity(const Arguments&) {}
  RoutingDetail needs() const override { return RoutingDetail::kCounts; }

  Admission admit(Routing routing, const CapacityRequest&) const override {
    const auto& counts = routing.counts.raw();
    const std::int64_t routes = std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
    return {.routing = std::move(routing), .routes = routes, .rows = routes};
  }
};

const Register<Capacity, NoCapacity> kNone{
    {.name = "none", .summary = "dropless: every route is served, nothing is padded"}};

}  // namespace
}  // namespace moesim
