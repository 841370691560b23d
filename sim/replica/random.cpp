// A random copy for every route: U{0 … 65535} mod n (SGLang `dynamic`).
//
// With counts only, the split of each (source, expert) is drawn from the multinomial distribution
// that the rule gives.
#include "sim/replica/dealing.hpp"
#include "sim/replica/draws.hpp"

namespace moesim {
namespace {

constexpr int kDraws = 65536;

class RandomReplica final : public Replica {
 public:
  explicit RandomReplica(const Arguments&) {}
  RoutingDetail needs() const override { return RoutingDetail::kCounts; }

  Assignment assign(const ReplicaRequest& request) const override {
    if (!request.routing.has_ids()) return split_counts(request);
    auto draws = draws_of_sources(request);
    const std::int64_t top_k = request.routing.top_k;
    return assign_each_route(request, [&](const RoutePlace& at, const std::vector<SlotId>& slots) {
      if (slots.size() == 1) return slots.front();
      return slots[draws[at.source].half(at.token * top_k + at.choice) % slots.size()];
    });
  }

 private:
  static Assignment split_counts(const ReplicaRequest& request) {
    return split_counts_at_random(request, [](GpuId, ExpertId, std::span<double> draws) {
      const int copies = static_cast<int>(draws.size());
      for (int copy = 0; copy < copies; ++copy)
        draws[static_cast<std::size_t>(copy)] = kDraws / copies + (copy < kDraws % copies ? 1 : 0);
    });
  }
};

const Register<Replica, RandomReplica> kRandom{
    {.name = "random", .summary = "a random copy for every route", .source = "SGLang 'dynamic'"}};

}  // namespace
}  // namespace moesim
