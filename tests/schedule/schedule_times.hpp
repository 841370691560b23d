// The times of a schedule's operations when each pass takes as long on every stage and transfers
// are free: worked out from the lists alone.
#pragma once

#include <algorithm>
#include <map>
#include <tuple>

#include "sim/schedule/schedule.hpp"
#include "tests/support/plugin.hpp"

namespace moesim {

struct PassTimes {
  double forward = 1, input = 1, weight = 1;
  double of(PassKind kind) const {
    switch (kind) {
      case PassKind::kForward:
        return forward;
      case PassKind::kBackward:
        return input + weight;
      case PassKind::kBackwardInput:
        return input;
      case PassKind::kBackwardWeight:
        return weight;
      case PassKind::kForwardAndBackward:
        break;
    }
    return forward + input + weight;
  }
};

inline bool goes_forward(const StageOperation& operation) {
  return operation.kind == PassKind::kForward || operation.kind == PassKind::kForwardAndBackward;
}
// The pass for which gradients of inputs are computed, if any.
inline std::optional<ChunkPass> goes_back(const StageOperation& operation) {
  if (operation.kind == PassKind::kForwardAndBackward) return operation.backward;
  if (operation.kind == PassKind::kBackward || operation.kind == PassKind::kBackwardInput)
    return operation.pass;
  return std::nullopt;
}

// When each stage has ended its last operation, [stages]; shorter where operations wait for each
// other for ever.
inline std::vector<double> stage_ends(const StageShape& shape,
                                      const std::vector<StageOperations>& all, PassTimes times) {
  std::map<std::tuple<bool, int, ChunkPass>, double> ended;  // (backward, stage, pass)
  std::vector<std::size_t> at(all.size());
  std::vector<double> now(all.size());
  const auto wait = [&](bool backward, std::optional<ChunkPlace> from, int batch, double& begin) {
    if (!from) return true;
    const auto found = ended.find({backward, from->stage, {batch, from->chunk}});
    if (found == ended.end()) return false;
    begin = std::max(begin, found->second);
    return true;
  };
  for (bool moved = true; moved;) {
    moved = false;
    for (int stage = 0; stage < static_cast<int>(all.size()); ++stage) {
      const auto s = static_cast<std::size_t>(stage);
      for (; at[s] < all[s].size(); ++at[s], moved = true) {
        const StageOperation& operation = all[s][at[s]];
        double begin = now[s];
        const ChunkPass pass = operation.pass;
        if (goes_forward(operation) &&
            !wait(false, shape.previous({stage, pass.chunk}), pass.micro_batch, begin))
          break;
        const auto back = goes_back(operation);
        // The last stage starts its backward pass from its own forward pass.
        if (back && !wait(false, ChunkPlace{stage, back->chunk}, back->micro_batch, begin)) break;
        if (back && !wait(true, shape.next({stage, back->chunk}), back->micro_batch, begin)) break;
        now[s] = begin + times.of(operation.kind);
        if (goes_forward(operation)) ended[{false, stage, pass}] = now[s];
        if (back) ended[{true, stage, *back}] = now[s];
      }
    }
  }
  for (std::size_t s = 0; s < all.size(); ++s)
    if (at[s] < all[s].size()) return {};
  return now;
}

// Time of the slowest stage beyond its work on m micro-batches; of all its chunks together.
inline double bubble_of(const std::string& section, int stages, int micro_batches,
                        PassTimes times) {
  const auto schedule = plugin<PipelineSchedule>(section);
  const std::vector<double> ends =
      stage_ends(schedule->shape(stages), schedule->operations(stages, micro_batches), times);
  if (ends.empty()) return -1;
  const int work = micro_batches * (schedule->both_ways() ? 1 : schedule->chunks());
  return *std::max_element(ends.begin(), ends.end()) -
         work * times.of(PassKind::kForwardAndBackward);
}

}  // namespace moesim
