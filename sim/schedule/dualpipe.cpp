// DualPipe: micro-batches enter the pipeline from both ends, and forward and backward passes that
// meet on a stage run as a pair.
//
// DeepSeek-V3, section 3.2.1, and the eight parts of the loop in deepseek-ai/DualPipe
// (dualpipe/dualpipe.py). Every stage has two parts of the model, and with them twice the weights;
// p + 1 micro-batches are kept. With F = 1, B = 2 (W = 1) and pairs as long as both passes the
// bubble is (p/2 − 1)(F&B + B − 3W), as published.
#include <algorithm>
#include <array>
#include <deque>

#include "sim/schedule/schedule.hpp"

namespace moesim {
namespace {

// The operations of one stage. A direction is 0 where the stage is nearer to the entry.
class Stage {
 public:
  Stage(int stage, int stages, int micro_batches)
      : half_(micro_batches / 2), mirrored_(stage >= stages / 2) {
    const int rank = std::min(stage, stages - 1 - stage);
    build(rank, stages / 2 - rank - 1, half_ - stages + rank + 1);
  }

  StageOperations take() { return std::move(operations_); }

 private:
  // `rank` counts from the nearer end of the pipeline, `inner` stages are between it and the
  // middle; `pairs`: steps of the main part.
  void build(int rank, int inner, int pairs) {
    for (int i = 0; i < 2 * inner; ++i) forward(0);
    for (int i = 0; i <= rank; ++i) forward(0), forward(1);
    for (int i = 0; i < inner; ++i) backward(1, true), weight(), forward(1);
    for (int i = 0; i < pairs; ++i) {
      // The two in the middle of the pipeline wait less for each other one after the other.
      if (i == 0 && inner == 0)
        forward(0), backward(1, false);
      else
        pair(0, 1);
      pair(1, 0);
    }
    for (int i = 0; i < inner; ++i) backward(1, false), pair(1, 0);
    const int whole = (rank + 1) / 2;  // backward passes before the weights' are put off
    for (int i = 0; i <= rank; ++i) {
      const bool odd = rank % 2 == 1;
      backward(1, odd ? i >= whole : i > whole);
      backward(0, i >= whole);
    }
    for (int i = 0; i < inner; ++i) weight(), backward(0, true);
    for (int i = 0; i <= rank; ++i) weight();
  }

  ChunkPass next(std::array<int, 2>& count, int direction) {
    const int chunk = direction ^ static_cast<int>(mirrored_);
    const int index = count[static_cast<std::size_t>(chunk)]++;
    return {.micro_batch = index + chunk * half_, .chunk = chunk};
  }
  void forward(int direction) {
    operations_.push_back({PassKind::kForward, next(forwards_, direction)});
  }
  void backward(int direction, bool weights_later) {
    const ChunkPass pass = next(backwards_, direction);
    if (weights_later) put_off_.push_back(pass);
    operations_.push_back({weights_later ? PassKind::kBackwardInput : PassKind::kBackward, pass});
  }
  void weight() {
    operations_.push_back({PassKind::kBackwardWeight, put_off_.front()});
    put_off_.pop_front();
  }
  void pair(int ahead, int back) {
    const ChunkPass pass = next(forwards_, ahead);
    operations_.push_back({PassKind::kForwardAndBackward, pass, next(backwards_, back)});
  }

  int half_ = 0;
  bool mirrored_ = false;
  std::array<int, 2> forwards_{}, backwards_{};  // so far, of each chunk
  std::deque<ChunkPass> put_off_;
  StageOperations operations_;
};

class DualPipe final : public PipelineSchedule {
 public:
  explicit DualPipe(const Arguments&) {}

  int chunks() const override { return 2; }
  bool both_ways() const override { return true; }

  std::string mistake(int stages, int micro_batches) const override {
    if (stages % 2 != 0) return "DualPipe needs an even number of stages";
    if (micro_batches % 2 != 0) return "DualPipe needs an even number of micro-batches";
    if (micro_batches < 2 * stages)
      return "DualPipe needs at least two micro-batches for each stage";
    return {};
  }

  std::vector<StageOperations> operations(int stages, int micro_batches) const override {
    std::vector<StageOperations> all;
    for (int stage = 0; stage < stages; ++stage)
      all.push_back(Stage(stage, stages, micro_batches).take());
    return all;
  }
};

const Register<PipelineSchedule, DualPipe> kDualPipe{
    {.name = "dualpipe",
     .summary = "micro-batches from both ends, forward and backward passes as overlapped pairs",
     .source = "DeepSeek-V3, deepseek-ai/DualPipe; policies.md 4.4"}};

}  // namespace
}  // namespace moesim
