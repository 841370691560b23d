// A random copy for every route: U{0 … 65535} mod n (SGLang `dynamic`).
//
// Draws are numbered by (step, layer, source, token, choice) whether or not an expert has copies,
// so two placements see the same draws. With counts only, the split of each (source, expert) is
// drawn from the multinomial distribution that the rule gives.
#include "sim/replica/dealing.hpp"

namespace moesim {
namespace {

constexpr int kDraws = 65536;

// Draws of 16 bits in the order of the routes, two from each number of the stream.
class ShortDraws {
 public:
  explicit ShortDraws(Rng rng) : rng_(rng) {}
  std::uint32_t at(std::int64_t route) {
    for (; word_ < route / 2; ++word_) bits_ = rng_.next();
    return route % 2 == 0 ? bits_ & 0xffffU : bits_ >> 16U;
  }

 private:
  Rng rng_;
  std::int64_t word_ = -1;
  std::uint32_t bits_ = 0;
};

Rng stream_of(const ReplicaRequest& request, GpuId source) {
  return request.random.stream(Purpose::kReplica, request.step.value, request.layer.value,
                               source.value);
}

Assignment split_counts(const ReplicaRequest& request) {
  const ExpertCounts& counts = request.routing.counts;
  Assignment assignment = empty_assignment(request);
  for (const GpuId source : counts.row_ids()) {
    Rng rng = stream_of(request, source);
    for (const ExpertId expert : counts.column_ids()) {
      const auto& slots = request.placement.slots_of[expert];
      const int copies = static_cast<int>(slots.size());
      int left = counts(source, expert);
      int draws_left = kDraws;
      for (int copy = 0; copy < copies && left > 0; ++copy) {
        const int draws = kDraws / copies + (copy < kDraws % copies ? 1 : 0);
        const int taken =
            copy + 1 == copies ? left : rng.binomial(left, static_cast<double>(draws) / draws_left);
        assignment.routes(source, slots[static_cast<std::size_t>(copy)]) += taken;
        left -= taken;
        draws_left -= draws;
      }
    }
  }
  return assignment;
}

class RandomReplica final : public Replica {
 public:
  explicit RandomReplica(const Arguments&) {}
  RoutingDetail needs() const override { return RoutingDetail::kCounts; }

  Assignment assign(const ReplicaRequest& request) const override {
    if (!request.routing.has_ids()) return split_counts(request);
    std::vector<ShortDraws> draws;
    for (const GpuId source : request.routing.counts.row_ids())
      draws.emplace_back(stream_of(request, source));
    const std::int64_t top_k = request.routing.top_k;
    return assign_each_route(request, [&](const RoutePlace& at, const std::vector<SlotId>& slots) {
      if (slots.size() == 1) return slots.front();
      return slots[draws[at.source.index()].at(at.token * top_k + at.choice) % slots.size()];
    });
  }
};

const Register<Replica, RandomReplica> kRandom{
    {.name = "random", .summary = "a random copy for every route", .source = "SGLang 'dynamic'"}};

}  // namespace
}  // namespace moesim
