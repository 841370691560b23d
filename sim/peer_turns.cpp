#include "sim/peer_turns.hpp"

namespace moesim {

Assignment assignment_of_turn(const Assignment& whole, const Routing& routing,
                              const LayerPlacement& placement, int group, int turn) {
  const int groups = routing.gpus() / group;
  const auto in_turn = [&](GpuId source, SlotId slot) {
    const int far = placement.gpu_of(slot).value / group - source.value / group;
    return (far + groups) % groups == turn;
  };
  Assignment own = whole;
  for (const GpuId source : own.routes.row_ids()) {
    for (const SlotId slot : own.routes.column_ids()) {
      if (in_turn(source, slot)) continue;
      own.routes(source, slot) = 0;
      if (!own.padding.empty()) own.padding(source, slot) = 0;
    }
    if (own.slots.empty()) continue;
    const auto k = static_cast<std::size_t>(routing.top_k);
    const std::size_t end = static_cast<std::size_t>(routing.first_token[source.index() + 1]) * k;
    for (std::size_t at = static_cast<std::size_t>(routing.first_token[source.index()]) * k;
         at < end; ++at)
      if (own.slots[at] >= 0 && !in_turn(source, SlotId(own.slots[at]))) own.slots[at] = -1;
  }
  return own;
}

}  // namespace moesim
