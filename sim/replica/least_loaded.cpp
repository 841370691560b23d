// Each route goes to the copy whose GPU has the least load so far (ours; HarMoEny balances alike).
//
// Load is counted in routes of the batch. Routes of experts with one copy have no choice, so they
// are counted first. The others are dealt one by one in an order that stands for all sources
// sending at once: the first token of every source, then the second of every source, and so on.
// Equals go to the copy on the source's GPU, then on its node, then in the lower slot. With counts
// only, the routes of each (source, expert) are spread evenly over kRounds rounds.
#include <algorithm>

#include "sim/replica/dealing.hpp"

namespace moesim {
namespace {

constexpr int kRounds = 16;

class Dealer {
 public:
  explicit Dealer(const ReplicaRequest& request)
      : request_(request), load_(request.placement.gpus()) {
    const ExpertCounts& counts = request.routing.counts;
    for (const GpuId source : counts.row_ids())
      for (const ExpertId expert : counts.column_ids())
        if (const auto& slots = request.placement.slots_of[expert]; slots.size() == 1)
          load_[request.placement.gpu_of(slots.front())] += counts(source, expert);
  }

  SlotId deal(GpuId source, const std::vector<SlotId>& slots) {
    SlotId best = slots.front();
    for (const SlotId slot : slots)
      if (better(source, slot, best)) best = slot;
    ++load_[request_.placement.gpu_of(best)];
    return best;
  }

 private:
  bool better(GpuId source, SlotId slot, SlotId than) const {
    const GpuId a = request_.placement.gpu_of(slot), b = request_.placement.gpu_of(than);
    if (load_[a] != load_[b]) return load_[a] < load_[b];
    const int far_a = distance(source, a), far_b = distance(source, b);
    return far_a != far_b ? far_a < far_b : slot < than;
  }
  int distance(GpuId source, GpuId gpu) const {
    if (source == gpu) return 0;
    return request_.cluster.same_node(source, gpu) ? 1 : 2;
  }

  const ReplicaRequest& request_;
  IdVector<GpuId, std::int64_t> load_;  // routes so far
};

Assignment deal_ids(const ReplicaRequest& request) {
  const Routing& routing = request.routing;
  Dealer dealer(request);
  Assignment assignment = empty_assignment(request);
  int longest = 0;
  for (const GpuId source : routing.counts.row_ids())
    longest = std::max(longest, routing.tokens_of(source));
  for (int token = 0; token < longest; ++token) {
    for (const GpuId source : routing.counts.row_ids()) {
      if (token >= routing.tokens_of(source)) continue;
      const int row = routing.first_token[source.index()] + token;
      const std::span<std::int16_t> chosen{
          assignment.slots.data() + static_cast<std::ptrdiff_t>(row) * routing.top_k,
          static_cast<std::size_t>(routing.top_k)};
      const auto ids = routing.ids_of(row);
      for (std::size_t choice = 0; choice < ids.size(); ++choice) {
        if (ids[choice] < 0) continue;
        const auto& slots = request.placement.slots_of[ExpertId(static_cast<int>(ids[choice]))];
        const SlotId slot = slots.size() == 1 ? slots.front() : dealer.deal(source, slots);
        chosen[choice] = static_cast<std::int16_t>(slot.value);
        ++assignment.routes(source, slot);
      }
    }
  }
  return assignment;
}

Assignment deal_counts(const ReplicaRequest& request) {
  const ExpertCounts& counts = request.routing.counts;
  Dealer dealer(request);
  Assignment assignment = empty_assignment(request);
  for (int round = 0; round < kRounds; ++round) {
    for (const ExpertId expert : counts.column_ids()) {
      const auto& slots = request.placement.slots_of[expert];
      for (const GpuId source : counts.row_ids()) {
        const std::int64_t count = counts(source, expert);
        const std::int64_t now = count * (round + 1) / kRounds - count * round / kRounds;
        if (slots.size() == 1) {
          assignment.routes(source, slots.front()) += static_cast<int>(now);
          continue;
        }
        for (std::int64_t i = 0; i < now; ++i)
          ++assignment.routes(source, dealer.deal(source, slots));
      }
    }
  }
  return assignment;
}

class LeastLoaded final : public Replica {
 public:
  explicit LeastLoaded(const Arguments&) {}
  RoutingDetail needs() const override { return RoutingDetail::kCounts; }
  Assignment assign(const ReplicaRequest& request) const override {
    return request.routing.has_ids() ? deal_ids(request) : deal_counts(request);
  }
};

const Register<Replica, LeastLoaded> kLeastLoaded{
    {.name = "least_loaded",
     .summary = "the copy whose GPU has the fewest routes of the batch so far",
     .source = "ours, after HarMoEny"}};

}  // namespace
}  // namespace moesim
