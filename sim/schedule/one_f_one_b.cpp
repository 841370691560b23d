// 1F1B: after as many forward passes as fill the pipeline, one backward and one forward in turns.
//
// Narayanan et al. 2019 (PipeDream-flush) and Megatron-LM's schedules.py. Bubble (p − 1)(F + B);
// stage s keeps the activations of p − s micro-batches.
//
// With `overlapped` a forward pass and the backward pass of an earlier micro-batch run as a pair
// whose exchanges hide behind each other's kernels (Megatron-LM's
// overlap_moe_expert_parallel_comm). A pair ends as a whole, so twice as many forward passes come
// first, and 2(p − s) micro-batches are kept.
#include <algorithm>

#include "sim/schedule/schedule.hpp"

namespace moesim {
namespace {

class OneFOneB final : public PipelineSchedule {
 public:
  explicit OneFOneB(const Arguments& arguments) : overlapped_(arguments.flag("overlapped")) {}

  std::vector<StageOperations> operations(int stages, int micro_batches) const override {
    std::vector<StageOperations> all;
    for (int stage = 0; stage < stages; ++stage)
      all.push_back(of(stages - 1 - stage, micro_batches));
    return all;
  }

 private:
  // Of a stage that has so many behind it.
  StageOperations of(int behind, int micro_batches) const {
    const int first = std::min(overlapped_ ? 2 * behind + 1 : behind, micro_batches);
    StageOperations operations;
    const auto add = [&](PassKind kind, int batch, int backward = 0) {
      operations.push_back({kind, {.micro_batch = batch}, {.micro_batch = backward}});
    };
    for (int batch = 0; batch < first; ++batch) add(PassKind::kForward, batch);
    for (int batch = 0; first + batch < micro_batches; ++batch) {
      if (overlapped_) {
        add(PassKind::kForwardAndBackward, first + batch, batch);
      } else {
        add(PassKind::kForward, first + batch);
        add(PassKind::kBackward, batch);
      }
    }
    for (int batch = micro_batches - first; batch < micro_batches; ++batch)
      add(PassKind::kBackward, batch);
    return operations;
  }

  bool overlapped_ = false;
};

const Register<PipelineSchedule, OneFOneB> kOneFOneB{
    {.name = "one_f_one_b",
     .summary = "one forward and one backward pass in turns",
     .source = "PipeDream-flush, Megatron-LM; policies.md 4.4",
     .parameters = {{.name = "overlapped",
                     .type = ParameterType::kFlag,
                     .doc = "a forward pass runs with the backward pass of an earlier micro-batch, "
                            "so that each hides the other's exchanges",
                     .fallback = "false"}}}};

}  // namespace
}  // namespace moesim
