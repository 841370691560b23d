// A random copy among the nearest (ours): those on the source's GPU, else those on its node, else
// all. Keeps tokens off the network where it can, at the price of balance.
//
// With counts only, the split of each (source, expert) is drawn from the multinomial distribution
// that the rule gives.
#include "sim/replica/dealing.hpp"
#include "sim/replica/draws.hpp"

namespace moesim {
namespace {

// For each copy, whether it is among the nearest to the source.
std::vector<double> nearest(const ReplicaRequest& request, GpuId source, ExpertId expert) {
  const auto& slots = request.placement.slots_of[expert];
  std::vector<double> on_gpu, on_node;
  bool any_on_gpu = false, any_on_node = false;
  for (const SlotId slot : slots) {
    const GpuId holder = request.placement.gpu_of(slot);
    on_gpu.push_back(holder == source);
    on_node.push_back(request.cluster.same_node(holder, source));
    any_on_gpu = any_on_gpu || holder == source;
    any_on_node = any_on_node || on_node.back() > 0;
  }
  if (any_on_gpu) return on_gpu;
  return any_on_node ? on_node : std::vector<double>(slots.size(), 1);
}

class LocalityRandom final : public Replica {
 public:
  explicit LocalityRandom(const Arguments&) {}
  RoutingDetail needs() const override { return RoutingDetail::kCounts; }

  Assignment assign(const ReplicaRequest& request) const override {
    if (!request.routing.has_ids())
      return split_counts_at_random(
          request, [&](GpuId source, ExpertId expert) { return nearest(request, source, expert); });
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
    for (const GpuId source : near.row_ids())
      for (const ExpertId expert : near.column_ids()) {
        const std::vector<double> is_near = nearest(request, source, expert);
        const auto& slots = request.placement.slots_of[expert];
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
