// Every route goes to an expert's first copy: what redundant slots are worth when nobody uses them
// (a baseline).
#include "sim/replica/dealing.hpp"

namespace moesim {
namespace {

class AllToFirst final : public Replica {
 public:
  explicit AllToFirst(const Arguments&) {}
  RoutingDetail needs() const override { return RoutingDetail::kCounts; }

  Assignment assign(const ReplicaRequest& request) const override {
    if (request.routing.has_ids())
      return assign_each_route(
          request, [](const RoutePlace&, const std::vector<SlotId>& slots) { return slots[0]; });
    Assignment assignment = empty_assignment(request);
    const ExpertCounts& counts = request.routing.counts;
    for (const GpuId source : counts.row_ids())
      for (const ExpertId expert : counts.column_ids())
        assignment.routes(source, request.placement.slots_of[expert][0]) += counts(source, expert);
    return assignment;
  }
};

const Register<Replica, AllToFirst> kAllToFirst{
    {.name = "all_to_first", .summary = "the first copy always; the others idle (a baseline)"}};

}  // namespace
}  // namespace moesim
