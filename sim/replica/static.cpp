// A fixed copy for each (source GPU, expert): one on the same GPU, else the first on the same node,
// else dealt fairly over the GPUs that have neither (SGLang `static`).
//
// The deal gives each of n copies floor(m / n) of the m remaining GPUs, m mod n of them drawn at
// random one more, in random order. It depends on the seed and the layer, not on the step.
#include "sim/replica/dealing.hpp"

namespace moesim {
namespace {

using CopyTable = IdMatrix<GpuId, ExpertId, int>;  // slot of [source gpu × expert]

void shuffle(std::vector<SlotId>& slots, Rng& rng) {
  for (std::size_t i = slots.size(); i > 1; --i)
    std::swap(slots[i - 1], slots[static_cast<std::size_t>(rng.below(static_cast<int>(i)))]);
}

std::vector<SlotId> fair_deal(const std::vector<SlotId>& copies, std::size_t gpus, Rng& rng) {
  std::vector<SlotId> dealt;
  for (std::size_t round = 0; round < gpus / copies.size(); ++round)
    dealt.insert(dealt.end(), copies.begin(), copies.end());
  std::vector<SlotId> extra = copies;
  shuffle(extra, rng);
  dealt.insert(dealt.end(), extra.begin(),
               extra.begin() + static_cast<std::ptrdiff_t>(gpus % copies.size()));
  shuffle(dealt, rng);
  return dealt;
}

// The copy on the GPU, else the first on its node, else none.
SlotId nearest(const ReplicaRequest& request, const std::vector<SlotId>& copies, GpuId gpu) {
  SlotId on_node;
  for (const SlotId slot : copies) {
    const GpuId holder = request.placement.gpu_of(slot);
    if (holder == gpu) return slot;
    if (!on_node.valid() && request.cluster.same_node(holder, gpu)) on_node = slot;
  }
  return on_node;
}

CopyTable copy_table(const ReplicaRequest& request) {
  const int gpus = request.routing.gpus();
  CopyTable table(gpus, request.placement.experts());
  for (const ExpertId expert : table.column_ids()) {
    const auto& copies = request.placement.slots_of[expert];
    std::vector<GpuId> without;
    for (const GpuId gpu : table.row_ids()) {
      const SlotId slot = copies.size() == 1 ? copies.front() : nearest(request, copies, gpu);
      table(gpu, expert) = slot.value;
      if (!slot.valid()) without.push_back(gpu);
    }
    if (without.empty()) continue;
    // No step: the map is fixed for the run.
    Rng rng = request.random.stream(Purpose::kReplica, -1, request.layer.value, expert.value);
    const std::vector<SlotId> dealt = fair_deal(copies, without.size(), rng);
    for (std::size_t i = 0; i < without.size(); ++i) table(without[i], expert) = dealt[i].value;
  }
  return table;
}

class Static final : public Replica {
 public:
  explicit Static(const Arguments&) {}
  RoutingDetail needs() const override { return RoutingDetail::kCounts; }

  Assignment assign(const ReplicaRequest& request) const override {
    const CopyTable table = copy_table(request);
    if (request.routing.has_ids())
      return assign_each_route(request, [&](const RoutePlace& at, const std::vector<SlotId>&) {
        return SlotId(table(at.source, at.expert));
      });
    Assignment assignment = empty_assignment(request);
    const ExpertCounts& counts = request.routing.counts;
    for (const GpuId source : counts.row_ids())
      for (const ExpertId expert : counts.column_ids())
        assignment.routes(source, SlotId(table(source, expert))) += counts(source, expert);
    return assignment;
  }
};

const Register<Replica, Static> kStatic{
    {.name = "static",
     .summary = "a fixed copy for each source: same GPU, else same node, else dealt fairly",
     .source = "SGLang 'static'"}};

}  // namespace
}  // namespace moesim
