// Interleaved 1F1B: a stage has several chunks of the model, which take turns.
//
// Narayanan et al. 2021 and Megatron-LM's schedules.py: micro-batches go through a chunk in groups
// of p. Bubble (p − 1)(F + B) / v for v chunks a stage; more activations are kept, and v times as
// many transfers are made.
#include <fmt/format.h>

#include <algorithm>

#include "sim/schedule/schedule.hpp"

namespace moesim {
namespace {

class Interleaved final : public PipelineSchedule {
 public:
  explicit Interleaved(const Arguments& arguments) : chunks_(arguments.integer("virtual_stages")) {}

  int chunks() const override { return chunks_; }

  std::string mistake(int stages, int micro_batches) const override {
    if (micro_batches % stages == 0) return {};
    return fmt::format("{} micro-batches do not go through {} stages in groups of {}",
                       micro_batches, stages, stages);
  }

  std::vector<StageOperations> operations(int stages, int micro_batches) const override {
    std::vector<StageOperations> all;
    const int passes = micro_batches * chunks_;
    for (int stage = 0; stage < stages; ++stage) {
      const int first = std::min(2 * (stages - 1 - stage) + (chunks_ - 1) * stages, passes);
      StageOperations operations;
      for (int i = 0; i < passes + first; ++i) {
        if (i < passes) operations.push_back({PassKind::kForward, forward(i, stages)});
        if (i >= first) operations.push_back({PassKind::kBackward, backward(i - first, stages)});
      }
      all.push_back(std::move(operations));
    }
    return all;
  }

 private:
  ChunkPass forward(int index, int stages) const {
    const int in_group = index % (stages * chunks_);
    return {.micro_batch = index / (stages * chunks_) * stages + in_group % stages,
            .chunk = in_group / stages};
  }
  ChunkPass backward(int index, int stages) const {
    const ChunkPass pass = forward(index, stages);
    return {.micro_batch = pass.micro_batch, .chunk = chunks_ - 1 - pass.chunk};
  }

  int chunks_ = 1;
};

const Register<PipelineSchedule, Interleaved> kInterleaved{
    {.name = "interleaved",
     .summary =
         "one forward and one backward pass in turns, of several chunks of the model a stage",
     .source = "Narayanan et al. 2021, Megatron-LM; policies.md 4.4",
     .parameters = {{.name = "virtual_stages",
                     .type = ParameterType::kInteger,
                     .doc = "chunks of the model that a stage has",
                     .fallback = "2",
                     .minimum = 1}}}};

}  // namespace
}  // namespace moesim
