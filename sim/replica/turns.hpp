// Dealing routes one by one to GPUs by the load they have so far: what the load-aware replica
// policies share.
//
// Load is counted in routes of the batch. Routes of experts with one copy have no choice, so they
// are counted first. The others are dealt in an order that stands for all sources sending at once:
// the first token of every source, then the second of every source, and so on. With counts only,
// the routes of each (source, expert) are spread evenly over some rounds.
#pragma once

#include <algorithm>

#include "sim/replica/dealing.hpp"

namespace moesim {

// Routes that each GPU has so far.
class DealtLoad {
 public:
  explicit DealtLoad(const ReplicaRequest& request);
  // Whether a route of `source` had better go to `slot` than to `than`: less load on its GPU, then
  // the source's GPU, then its node, then the lower slot.
  bool better(GpuId source, SlotId slot, SlotId than) const;
  void add(SlotId slot) { ++load_[request_.placement.gpu_of(slot)]; }

 private:
  int distance(GpuId source, GpuId gpu) const;
  const ReplicaRequest& request_;
  IdVector<GpuId, std::int64_t> load_;
};

// Gives every route of an expert with several copies the slot choose(load, source, route, slots).
// `route` numbers the routes of a source: token · k + choice, or in the order dealt where only
// counts are known.
template <class Choose>
Assignment assign_by_turns(const ReplicaRequest& request, Choose choose);

namespace turns {

inline constexpr int kRounds = 16;  // of routings with counts only

template <class Choose>
void deal_token(const ReplicaRequest& request, GpuId source, int token, DealtLoad& load,
                Choose& choose, Assignment& assignment) {
  const Routing& routing = request.routing;
  const int row = routing.first_token[source.index()] + token;
  const auto ids = routing.ids_of(row);
  const std::size_t first = static_cast<std::size_t>(row) * ids.size();
  for (std::size_t choice = 0; choice < ids.size(); ++choice) {
    if (ids[choice] < 0) continue;
    const auto& slots = request.placement.slots_of[ExpertId(static_cast<int>(ids[choice]))];
    SlotId slot = slots.front();
    if (slots.size() > 1) {
      const std::int64_t route =
          static_cast<std::int64_t>(token) * routing.top_k + static_cast<std::int64_t>(choice);
      load.add(slot = choose(load, source, route, slots));
    }
    assignment.slots[first + choice] = static_cast<std::int16_t>(slot.value);
    ++assignment.routes(source, slot);
  }
}

template <class Choose>
Assignment deal_counts(const ReplicaRequest& request, DealtLoad& load, Choose& choose) {
  const ExpertCounts& counts = request.routing.counts;
  Assignment assignment = empty_assignment(request);
  IdVector<GpuId, std::int64_t> dealt(counts.rows());
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
        for (std::int64_t i = 0; i < now; ++i) {
          const SlotId slot = choose(load, source, dealt[source]++, slots);
          load.add(slot);
          ++assignment.routes(source, slot);
        }
      }
    }
  }
  return assignment;
}

}  // namespace turns

template <class Choose>
Assignment assign_by_turns(const ReplicaRequest& request, Choose choose) {
  DealtLoad load(request);
  const Routing& routing = request.routing;
  if (!routing.has_ids()) return turns::deal_counts(request, load, choose);
  Assignment assignment = empty_assignment(request);
  int longest = 0;
  for (const GpuId source : routing.counts.row_ids())
    longest = std::max(longest, routing.tokens_of(source));
  for (int token = 0; token < longest; ++token)
    for (const GpuId source : routing.counts.row_ids())
      if (token < routing.tokens_of(source))
        turns::deal_token(request, source, token, load, choose, assignment);
  return assignment;
}

}  // namespace moesim
