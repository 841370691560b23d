// Attention and experts on GPUs of their own, and several micro-batches on their way between them.
//
// MegaScale-Infer's ping-pong pipeline (policies.md 3.7): while the experts of one micro-batch are
// computed, the attention of others is. With Ta and Te about equal, m micro-batches keep both sides
// busy where m >= 2 (1 + Tc / max(Ta, Te)), Tc the time of one way. Shared experts are computed
// with the attention, beside the dispatch.
#include <algorithm>

#include "sim/overlap/stages.hpp"

namespace moesim {
namespace {

const Stages& ping_pong_stages() {
  static const Stages stages = {{{StageStep::kRun, &LayerParts::prepare},
                                 {StageStep::kRun, &LayerParts::attention},
                                 {StageStep::kRun, &LayerParts::dense},
                                 {StageStep::kRun, &LayerParts::gate},
                                 {StageStep::kStart, &LayerParts::dispatch},
                                 {StageStep::kRun, &LayerParts::shared}},
                                {{StageStep::kWait},
                                 {StageStep::kRun, &LayerParts::experts, true},
                                 {StageStep::kStart, &LayerParts::combine, true}},
                                {{StageStep::kWait}}};
  return stages;
}

class PingPong final : public Overlap {
 public:
  explicit PingPong(const Arguments& arguments) : batches_(arguments.integer("micro_batches")) {}

  bool needs_attention_gpus() const override { return true; }

  // Whole answers; of prompts alone, tokens.
  MicroBatches split(const Workload& work) const override {
    const int units = work.decode() ? work.answers() : work.tokens_per_gpu;
    const int count = std::clamp(batches_, 1, std::max(1, units));
    MicroBatches batches{.tokens = {}};
    for (int batch = 0; batch < count; ++batch) {
      const int mine = units * (batch + 1) / count - units * batch / count;
      batches.tokens.push_back(mine * (work.tokens_per_gpu / std::max(1, units)));
    }
    return batches;
  }

  TaskGraph build(std::vector<LayerParts> batches, Carried& carried) const override {
    return build_stages(ping_pong_stages(), 0, std::move(batches), carried);
  }

  TaskGraph finish(Carried& carried) const override {
    return finish_stages(ping_pong_stages(), carried);
  }

 private:
  int batches_ = 3;
};

const Register<Overlap, PingPong> kPingPong{
    {.name = "ping_pong",
     .summary = "micro-batches in turns between GPUs with attention and GPUs with experts",
     .source = "MegaScale-Infer; policies.md 3.7",
     .parameters = {{.name = "micro_batches",
                     .type = ParameterType::kInteger,
                     .doc = "under way at the same time",
                     .fallback = "3",
                     .minimum = 1,
                     .maximum = 16}}}};

}  // namespace
}  // namespace moesim
