// The best split in whole routes, by a maximum flow (ours): no replica policy has a lower largest
// GPU load. Each expert's routes are then dealt to its copies in token order, source by source, so
// that every copy gets its share of any stretch of them.
#include "sim/replica/copy_balance.hpp"
#include "sim/replica/dealing.hpp"

namespace moesim {
namespace {

// Deals the routes of every expert to its slots until each has its number.
class Dealer {
 public:
  Dealer(const RouteCount& routes, WholeSplit split)
      : routes_(routes),
        split_(std::move(split)),
        seen_(routes.size()),
        dealt_(split_.routes.size()) {}

  // The slot that is furthest behind its share of the routes seen so far, this one included.
  SlotId next(ExpertId expert, const std::vector<SlotId>& slots) {
    const std::int64_t seen = ++seen_[expert];
    SlotId behind;
    std::int64_t most = 0;
    for (const SlotId slot : slots) {
      const std::int64_t missing = split_.routes[slot] * seen - dealt_[slot] * routes_[expert];
      if (behind.valid() && missing <= most) continue;
      if (dealt_[slot] < split_.routes[slot]) behind = slot, most = missing;
    }
    ++dealt_[behind];
    return behind;
  }

 private:
  const RouteCount& routes_;
  WholeSplit split_;
  RouteCount seen_;
  IdVector<SlotId, std::int64_t> dealt_;
};

class FlowReplica final : public Replica {
 public:
  explicit FlowReplica(const Arguments& arguments) : cost_(arguments) {}
  RoutingDetail needs() const override { return RoutingDetail::kCounts; }
  ReplicaWork work(const LayerPlacement& placement) const override { return cost_.work(placement); }

  Assignment assign(const ReplicaRequest& request) const override {
    const ExpertCounts& counts = request.routing.counts;
    const RouteCount routes = expert_load(counts);
    Dealer dealer(routes, split_by_flow(routes, request.placement));
    if (request.routing.has_ids())
      return assign_each_route(request,
                               [&](const RoutePlace& at, const std::vector<SlotId>& slots) {
                                 return dealer.next(at.expert, slots);
                               });
    Assignment assignment = empty_assignment(request);
    for (const GpuId source : counts.row_ids())
      for (const ExpertId expert : counts.column_ids())
        for (int route = 0; route < counts(source, expert); ++route)
          ++assignment.routes(source, dealer.next(expert, request.placement.slots_of[expert]));
    return assignment;
  }

 private:
  SolverCost cost_;
};

const Register<Replica, FlowReplica> kFlow{
    {.name = "flow",
     .summary = "the best split of every batch in whole routes, by a maximum flow",
     .source = "ours",
     .parameters = SolverCost::parameters()}};

}  // namespace
}  // namespace moesim
