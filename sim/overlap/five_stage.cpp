// DeepSeek's overlap for decode: two micro-batches and five stages of a layer.
//
// DeepSeek describes it so (DeepSeek-V3/R1 inference system overview, 2025): the attention is cut
// in two steps, so that stages take about as long as each other, and a layer is a pipeline of five
// stages through which two micro-batches go. Which kernels are in which stage is not published:
// here attention up to its core; the rest, router and start of dispatch; shared experts; routed
// experts and start of combine; combine. The second batch is two stages behind, as in SGLang's list
// for decode (two_batch), whose dispatch starts one stage later.
#include "sim/overlap/stages.hpp"

namespace moesim {
namespace {

constexpr auto kRun = StageStep::kRun;
constexpr auto kStart = StageStep::kStart;
constexpr auto kWait = StageStep::kWait;

const Stages& five_stages() {
  static const Stages stages = {
      {{kRun, &LayerParts::prepare}},
      {{kRun, &LayerParts::attention},
       {kRun, &LayerParts::dense},
       {kRun, &LayerParts::gate},
       {kStart, &LayerParts::dispatch}},
      {{kRun, &LayerParts::shared}},
      {{kWait}, {kRun, &LayerParts::experts}, {kStart, &LayerParts::combine}},
      {{kWait}}};
  return stages;
}

class FiveStage final : public Overlap {
 public:
  explicit FiveStage(const Arguments& arguments) : lag_(arguments.integer("lag")) {}

  MicroBatches split(const Workload& work) const override {
    const int sequences = work.decode() ? work.answers() : work.tokens_per_gpu;
    const int first = sequences / 2 * (work.tokens_per_gpu / sequences);
    if (first == 0) return {.tokens = {work.tokens_per_gpu}};
    return {.tokens = {first, work.tokens_per_gpu - first}};
  }

  TaskGraph build(std::vector<LayerParts> batches, Carried& carried) const override {
    return build_stages(five_stages(), lag_, std::move(batches), carried);
  }

  TaskGraph finish(Carried& carried) const override {
    return finish_stages(five_stages(), carried);
  }

 private:
  int lag_ = 2;
};

const Register<Overlap, FiveStage> kFiveStage{
    {.name = "five_stage",
     .summary = "two micro-batches in a pipeline of five stages a layer, for decode",
     .source = "DeepSeek-V3/R1 inference system overview, 2025; after the text",
     .parameters = {{.name = "lag",
                     .type = ParameterType::kInteger,
                     .doc = "stages that the second batch is behind",
                     .fallback = "2",
                     .minimum = 0,
                     .maximum = 4}}}};

}  // namespace
}  // namespace moesim
