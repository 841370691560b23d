#include "sim/slot_rows.hpp"

#include <cmath>

namespace moesim {

IdMatrix<GpuId, SlotId, double> padding_of_slots(const ExpertCounts& padding,
                                                 const LayerPlacement& placement) {
  if (padding.empty()) return {};
  IdMatrix<GpuId, SlotId, double> rows(padding.rows(), static_cast<std::size_t>(placement.slots()));
  for (const GpuId source : rows.row_ids())
    for (const SlotId slot : rows.column_ids()) {
      const ExpertId expert = placement.expert_of[slot];
      rows(source, slot) =
          padding(source, expert) / static_cast<double>(placement.slots_of[expert].size());
    }
  return rows;
}

std::vector<int> slot_rows(const Assignment& assignment, int multiple) {
  std::vector<int> rows(assignment.routes.columns());
  for (const SlotId slot : assignment.routes.column_ids()) {
    double count = 0;
    for (const GpuId source : assignment.routes.row_ids()) count += assignment.routes(source, slot);
    if (!assignment.padding.empty())
      for (const GpuId source : assignment.padding.row_ids())
        count += assignment.padding(source, slot);
    const int exact = static_cast<int>(std::lround(count));
    rows[slot.index()] = (exact + multiple - 1) / multiple * multiple;
  }
  return rows;
}

}  // namespace moesim
