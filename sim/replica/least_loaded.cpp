// Each route goes to the copy whose GPU has the least load so far (ours; HarMoEny balances alike).
#include "sim/replica/turns.hpp"

namespace moesim {
namespace {

class LeastLoaded final : public Replica {
 public:
  explicit LeastLoaded(const Arguments&) {}
  RoutingDetail needs() const override { return RoutingDetail::kCounts; }

  Assignment assign(const ReplicaRequest& request) const override {
    return assign_by_turns(request, [](const DealtLoad& load, GpuId source, std::int64_t,
                                       const std::vector<SlotId>& slots) {
      SlotId best = slots.front();
      for (const SlotId slot : slots)
        if (load.better(source, slot, best)) best = slot;
      return best;
    });
  }
};

const Register<Replica, LeastLoaded> kLeastLoaded{
    {.name = "least_loaded",
     .summary = "the copy whose GPU has the fewest routes of the batch so far",
     .source = "ours, after HarMoEny"}};

}  // namespace
}  // namespace moesim
