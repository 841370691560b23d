// The less loaded of two random copies (Mitzenmacher, "The power of two choices in randomized load
// balancing", 2001). Equals as in least_loaded: the source's GPU, its node, the lower slot.
#include "sim/replica/draws.hpp"
#include "sim/replica/turns.hpp"

namespace moesim {
namespace {

class PowerOfTwo final : public Replica {
 public:
  explicit PowerOfTwo(const Arguments&) {}
  RoutingDetail needs() const override { return RoutingDetail::kCounts; }

  Assignment assign(const ReplicaRequest& request) const override {
    auto draws = draws_of_sources(request);
    return assign_by_turns(request, [&](const DealtLoad& load, GpuId source, std::int64_t route,
                                        const std::vector<SlotId>& slots) {
      // Two different copies, from the halves of one draw.
      const std::uint32_t bits = draws[source].whole(route);
      const std::size_t copies = slots.size();
      const std::size_t first = (bits & 0xffffU) % copies;
      const std::size_t second = (first + 1 + (bits >> 16U) % (copies - 1)) % copies;
      return load.better(source, slots[second], slots[first]) ? slots[second] : slots[first];
    });
  }
};

const Register<Replica, PowerOfTwo> kPowerOfTwo{{.name = "power_of_two",
                                                 .summary = "the less loaded of two random copies",
                                                 .source = "Mitzenmacher 2001"}};

}  // namespace
}  // namespace moesim
