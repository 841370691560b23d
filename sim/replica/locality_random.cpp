// A random copy among the nearest (ours): those on the source's GPU, else those on its node, else
// all. Keeps tokens off the network where it can, at the price of balance.
//
// With counts only, the split of each (source, expert) is drawn from the multinomial distribution
// that the rule gives.
#include <algorithm>

#include "sim/replica/dealing.hpp"
#include "sim/replica/draws.hpp"

namespace moesim {
namespace {

// 1 for the copies that are among the nearest to the source, 0 for others.
void mark_nearest(const ReplicaRequest& request, GpuId source, ExpertId expert,
                  std::span<double> nearest) {
  const auto mark = [&](const auto& is_near) {
    bool any = false;
    std::size_t copy = 0;
    for (const SlotId slot : request.placement.slots_of[expert]) {
      const bool near = is_near(request.placement.gpu_of(slot));
      nearest[copy++] = near ? 1 : 0;
      any = any || near;
    }
    return any;
  };
  if (mark([&](GpuId holder) { return holder == source; })) return;
  if (mark([&](GpuId holder) { return request.cluster.same_node(holder, source); })) return;
  std::ranges::fill(nearest, 1);
}

class LocalityRandom final : public Replica {
 public:
  explicit LocalityRandom(const Arguments&) {}
  RoutingDetail needs() const override { return RoutingDetail::kCounts; }

  Assignment assign(const ReplicaRequest& request) const override {
    if (!request.routing.has_ids())
      return split_counts_at_random(request,
                                    [&](GpuId source, ExpertId expert, std::span<double> shares) {
                                      mark_nearest(request, source, expert, shares);
                                    });
    const auto candidates = nearest_slots(request);
    auto draws = draws_of_sources(request);
    const std::int64_t top_k = request.routing.top_k;
    return assign_each_route(request, [&](const RoutePlace& at, const std::vector<SlotId>&) {
      const auto& slots = candidates(at.source, at.expert);
      if (slots.size() == 1) return slots.front();
      return slots[draws[at.source].half(at.token * top_k + at.choice) % slots.size()];
    });
  }

 private:
  // [source gpu × expert]
  static IdMatrix<GpuId, ExpertId, std::vector<SlotId>> nearest_slots(
      const ReplicaRequest& request) {
    const int experts = request.placement.experts();
    IdMatrix<GpuId, ExpertId, std::vector<SlotId>> near(request.routing.gpus(), experts);
    std::vector<double> is_near;
    for (const GpuId source : near.row_ids())
      for (const ExpertId expert : near.column_ids()) {
        const auto& slots = request.placement.slots_of[expert];
        is_near.resize(slots.size());
        mark_nearest(request, source, expert, is_near);
        for (std::size_t copy = 0; copy < slots.size(); ++copy)
          if (is_near[copy] > 0) near(source, expert).push_back(slots[copy]);
      }
    return near;
  }
};

const Register<Replica, LocalityRandom> kLocalityRandom{
    {.name = "locality_random",
     .summary = "a random copy on the source's GPU, else on its node, else anywhere",
     .source = "ours"}};

}  // namespace
}  // namespace moesim
