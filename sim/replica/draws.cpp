#include "sim/replica/draws.hpp"

#include <algorithm>
#include <numeric>

#include "sim/replica/dealing.hpp"

namespace moesim {
namespace {

Rng stream_of(const ReplicaRequest& request, GpuId source) {
  return request.random.stream(Purpose::kReplica, request.step.value, request.layer.value,
                               source.value);
}

}  // namespace

IdVector<GpuId, NumberedDraws> draws_of_sources(const ReplicaRequest& request) {
  std::vector<NumberedDraws> draws;
  for (const GpuId source : request.routing.counts.row_ids())
    draws.emplace_back(stream_of(request, source));
  return IdVector<GpuId, NumberedDraws>(std::move(draws));
}

Assignment split_counts_at_random(const ReplicaRequest& request, const CopyShares& shares) {
  const ExpertCounts& counts = request.routing.counts;
  Assignment assignment = empty_assignment(request);
  IdVector<ExpertId, SlotId> only(counts.columns());  // the copy of an expert, if it has but one
  for (const ExpertId expert : only.ids())
    if (const auto& slots = request.placement.slots_of[expert]; slots.size() == 1)
      only[expert] = slots.front();
  std::vector<double> buffer;
  for (const GpuId source : counts.row_ids()) {
    Rng rng = stream_of(request, source);
    for (const ExpertId expert : counts.column_ids()) {
      int left = counts(source, expert);
      if (left == 0) continue;
      if (only[expert].valid()) {
        assignment.routes(source, only[expert]) += left;
        continue;
      }
      const auto& slots = request.placement.slots_of[expert];
      buffer.resize(slots.size());
      const std::span<double> share(buffer);
      shares(source, expert, share);
      double rest = std::accumulate(share.begin(), share.end(), 0.0);
      for (std::size_t copy = 0; copy < slots.size() && left > 0; ++copy) {
        const bool last = copy + 1 == slots.size();
        const double odds = rest > 0 ? std::min(1.0, share[copy] / rest) : 0;
        const int taken = last ? left : rng.binomial(left, odds);
        assignment.routes(source, slots[copy]) += taken;
        left -= taken;
        rest -= share[copy];
      }
    }
  }
  return assignment;
}

}  // namespace moesim
