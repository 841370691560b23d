#include "sim/replica/dealing.hpp"

namespace moesim {

Assignment deal_counts_evenly(const ReplicaRequest& request) {
  const ExpertCounts& counts = request.routing.counts;
  Assignment assignment = empty_assignment(request);
  for (const GpuId source : counts.row_ids()) {
    for (const ExpertId expert : counts.column_ids()) {
      const int count = counts(source, expert);
      const auto& slots = request.placement.slots_of[expert];
      const int copies = static_cast<int>(slots.size());
      for (int i = 0; i < copies; ++i) {
        const int copy = (i + source.value + expert.value) % copies;
        assignment.routes(source, slots[static_cast<std::size_t>(copy)]) +=
            count / copies + (i < count % copies ? 1 : 0);
      }
    }
  }
  return assignment;
}

}  // namespace moesim
