// GPipe: all forward passes, then all backward passes, the last micro-batch first.
//
// Huang et al. 2019. Bubble (p − 1)(F + B); the activations of all micro-batches are kept.
#include "sim/schedule/schedule.hpp"

namespace moesim {
namespace {

class GPipe final : public PipelineSchedule {
 public:
  explicit GPipe(const Arguments&) {}

  std::vector<StageOperations> operations(int stages, int micro_batches) const override {
    StageOperations stage;
    for (int batch = 0; batch < micro_batches; ++batch)
      stage.push_back({.kind = PassKind::kForward, .pass = {.micro_batch = batch}});
    for (int batch = micro_batches; batch-- > 0;)
      stage.push_back({.kind = PassKind::kBackward, .pass = {.micro_batch = batch}});
    return std::vector<StageOperations>(static_cast<std::size_t>(stages), stage);
  }
};

const Register<PipelineSchedule, GPipe> kGPipe{
    {.name = "gpipe",
     .summary = "all forward passes, then all backward passes",
     .source = "Huang et al. 2019 (GPipe); policies.md 4.4"}};

}  // namespace
}  // namespace moesim
