#include "sim/peer_turns.hpp"

namespace moesim {

Routing routes_of_turn(const Routing& routing, const LayerPlacement& placement, int group,
                       int turn) {
  const int groups = routing.gpus() / group;
  IdVector<ExpertId, int> home(routing.experts());  // group of ranks
  for (const SlotId slot : placement.expert_of.ids())
    home[placement.expert_of[slot]] = placement.gpu_of(slot).value / group;
  const auto in_turn = [&](GpuId source, ExpertId expert) {
    return (home[expert] - source.value / group + groups) % groups == turn;
  };
  Routing own = routing;
  for (const GpuId source : own.counts.row_ids()) {
    for (const ExpertId expert : own.counts.column_ids())
      if (!in_turn(source, expert)) own.counts(source, expert) = 0;
    if (!own.has_ids()) continue;
    const auto k = static_cast<std::size_t>(own.top_k);
    const std::size_t end = static_cast<std::size_t>(own.first_token[source.index() + 1]) * k;
    for (std::size_t at = static_cast<std::size_t>(own.first_token[source.index()]) * k; at < end;
         ++at)
      if (own.ids[at] >= 0 && !in_turn(source, ExpertId(own.ids[at]))) own.ids[at] = -1;
  }
  return own;
}

}  // namespace moesim
