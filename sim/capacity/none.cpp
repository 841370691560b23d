// No capacity limit: every route is served (MegaBlocks, Megatron without a factor, all serving
// engines).
#include <numeric>

#include "sim/capacity/row_multiple.hpp"

namespace moesim {
namespace {

class NoCapacity final : public Capacity {
 public:
  explicit NoCapacity(const Arguments& arguments)
      : row_multiple_(arguments.integer("row_multiple")) {}
  RoutingDetail needs() const override { return RoutingDetail::kCounts; }

  Admission admit(Routing routing, const CapacityRequest&) const override {
    const auto& counts = routing.counts.raw();
    const std::int64_t routes = std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
    return {.routing = std::move(routing),
            .routes = routes,
            .rows = routes,
            .row_multiple = row_multiple_};
  }

 private:
  int row_multiple_ = 1;
};

const Register<Capacity, NoCapacity> kNone{{.name = "none",
                                            .summary = "dropless: every route is served",
                                            .parameters = {row_multiple_parameter()}}};

}  // namespace
}  // namespace moesim
