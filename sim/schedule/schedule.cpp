#include "sim/schedule/schedule.hpp"

#include <algorithm>

namespace moesim {

std::optional<ChunkPlace> StageShape::next(ChunkPlace at) const {
  if (both_ways) {
    const int stage = at.stage + (at.chunk == 0 ? 1 : -1);
    if (stage < 0 || stage == stages) return std::nullopt;
    return ChunkPlace{stage, at.chunk};
  }
  const int part = at.chunk * stages + at.stage + 1;
  if (part == stages * chunks) return std::nullopt;
  return ChunkPlace{part % stages, part / stages};
}

std::optional<ChunkPlace> StageShape::previous(ChunkPlace at) const {
  if (both_ways) {
    const int stage = at.stage - (at.chunk == 0 ? 1 : -1);
    if (stage < 0 || stage == stages) return std::nullopt;
    return ChunkPlace{stage, at.chunk};
  }
  const int part = at.chunk * stages + at.stage - 1;
  if (part < 0) return std::nullopt;
  return ChunkPlace{part % stages, part / stages};
}

std::string PipelineSchedule::mistake(int, int) const { return {}; }

int passes_in_flight(const StageOperations& operations) {
  int now = 0, most = 0;
  for (const StageOperation& operation : operations) {
    const bool forward =
        operation.kind == PassKind::kForward || operation.kind == PassKind::kForwardAndBackward;
    if (forward) most = std::max(most, ++now);
    if (operation.kind != PassKind::kForward && operation.kind != PassKind::kBackwardInput) --now;
  }
  return most;
}

}  // namespace moesim
