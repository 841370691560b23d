// ZB-H1: 1F1B whose backward passes for the weights wait until the stage would be idle.
//
// Qi et al. 2023 (Zero Bubble Pipeline Parallelism). Stage s runs the pass for the weights s
// micro-batches late, so that every stage keeps the activations of p micro-batches, as the first
// stage of 1F1B does. Bubble (p − 1)(F + B − 2W), with B both backward passes and W the one for the
// weights.
#include <algorithm>

#include "sim/schedule/schedule.hpp"

namespace moesim {
namespace {

class ZeroBubble final : public PipelineSchedule {
 public:
  explicit ZeroBubble(const Arguments&) {}

  std::vector<StageOperations> operations(int stages, int micro_batches) const override {
    std::vector<StageOperations> all;
    for (int stage = 0; stage < stages; ++stage) {
      StageOperations operations;
      const auto add = [&](PassKind kind, int batch) {
        if (batch >= 0 && batch < micro_batches)
          operations.push_back({kind, {.micro_batch = batch}});
      };
      const int first = std::min(stages - 1 - stage, micro_batches);
      for (int batch = 0; batch < first; ++batch) add(PassKind::kForward, batch);
      for (int batch = 0; batch < micro_batches + stage; ++batch) {
        add(PassKind::kForward, first + batch);
        add(PassKind::kBackwardInput, batch);
        add(PassKind::kBackwardWeight, batch - stage);
      }
      all.push_back(std::move(operations));
    }
    return all;
  }
};

const Register<PipelineSchedule, ZeroBubble> kZeroBubble{
    {.name = "zero_bubble",
     .summary = "1F1B whose backward passes for the weights fill the bubble (ZB-H1)",
     .source = "Qi et al. 2023; policies.md 4.4"}};

}  // namespace
}  // namespace moesim
