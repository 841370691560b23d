// Two-batch overlap: the tokens of every GPU in two micro-batches, whose stages take turns.
//
// SGLang's stage lists (policies.md 4.4): in prefill both batches go side by side, in decode the
// second is two stages behind. Dense layers are not divided.
#include <algorithm>

#include "sim/overlap/prefill_split.hpp"
#include "sim/overlap/stages.hpp"

namespace moesim {
namespace {

constexpr auto kRun = StageStep::kRun;
constexpr auto kStart = StageStep::kStart;
constexpr auto kWait = StageStep::kWait;

const Stages& prefill_stages() {
  static const Stages stages = {
      {{kRun, &LayerParts::prepare},
       {kRun, &LayerParts::attention},
       {kRun, &LayerParts::dense},
       {kRun, &LayerParts::gate},
       {kStart, &LayerParts::dispatch}},
      {{kWait}, {kRun, &LayerParts::experts}, {kStart, &LayerParts::combine}},
      {{kRun, &LayerParts::shared}, {kWait}}};
  return stages;
}

const Stages& decode_stages() {
  static const Stages stages = {
      {{kRun, &LayerParts::prepare}},
      {{kRun, &LayerParts::attention}, {kRun, &LayerParts::dense}, {kRun, &LayerParts::gate}},
      {{kStart, &LayerParts::dispatch}, {kRun, &LayerParts::shared}},
      {{kWait}, {kRun, &LayerParts::experts}, {kStart, &LayerParts::combine}},
      {{kWait}},
      {}};
  return stages;
}

// Tokens of the first of two batches of a step with prompts: whole answers and prompts, which have
// the mean length, and the rest of one.
int prefill_cut(const Workload& work, double threshold) {
  std::vector<int> sequences(static_cast<std::size_t>(work.answers()), 1);
  for (int left = work.prompt_tokens(); left > 0; left -= sequences.back())
    sequences.push_back(std::min(left, work.prompt()));
  return split_prefill(sequences, threshold).tokens;
}

class TwoBatch final : public Overlap {
 public:
  explicit TwoBatch(const Arguments& arguments)
      : least_decode_(arguments.integer("least_decode_tokens")),
        least_prefill_(arguments.integer("least_prefill_tokens")),
        threshold_(arguments.number("threshold")),
        stages_(arguments.text("stages")) {}

  MicroBatches split(const Workload& work) const override {
    const bool decode = work.decode();
    const int tokens = work.tokens_per_gpu;
    const int first =
        decode ? work.answers() / 2 * (1 + work.draft_tokens) : prefill_cut(work, threshold_);
    if (tokens < (decode ? least_decode_ : least_prefill_) || first == 0)
      return {.tokens = {tokens}};
    return {.tokens = {first, tokens - first}};
  }

  TaskGraph build(std::vector<LayerParts> batches, Carried& carried) const override {
    const bool decode = as_decode(batches.front());
    return build_stages(stages(decode), decode ? 2 : 0, std::move(batches), carried);
  }

  TaskGraph finish(Carried& carried) const override {
    bool decode = false;
    for (const Carried::Lane& lane : carried.lanes)
      if (lane.parts) decode = as_decode(*lane.parts);
    return finish_stages(stages(decode), carried);
  }

 private:
  bool as_decode(const LayerParts& parts) const {
    return stages_ == "auto" ? parts.decode : stages_ == "decode";
  }
  static const Stages& stages(bool decode) { return decode ? decode_stages() : prefill_stages(); }

  int least_decode_ = 0, least_prefill_ = 0;
  double threshold_ = 0;
  std::string stages_;
};

std::vector<Parameter> parameters(const char* least_decode, const char* least_prefill,
                                  const char* stages) {
  return {{.name = "least_decode_tokens",
           .type = ParameterType::kInteger,
           .doc = "of a GPU; with fewer a decode step is not divided",
           .fallback = least_decode,
           .minimum = 1},
          {.name = "least_prefill_tokens",
           .type = ParameterType::kInteger,
           .doc = "of a GPU; with fewer a prefill is not divided",
           .fallback = least_prefill,
           .minimum = 1},
          {.name = "threshold",
           .type = ParameterType::kNumber,
           .doc = "prefill: where whole prompts would leave a batch with a smaller share of the "
                  "tokens, one is cut in two (SGLang's tbo_token_distribution_threshold)",
           .fallback = "0.48",
           .minimum = 0,
           .maximum = 0.5},
          {.name = "stages",
           .type = ParameterType::kChoice,
           .doc = "SGLang's list for prefill (batches side by side) or for decode (the second two "
                  "stages behind); auto: that of the phase",
           .fallback = stages,
           .choices = {"auto", "prefill", "decode"}}};
}

const Register<Overlap, TwoBatch> kTwoBatch{
    {.name = "two_batch",
     .summary = "two micro-batches take turns: one computes while the other's tokens travel",
     .source = "two-batch overlap of SGLang and DeepSeek; policies.md 4.4",
     .parameters = parameters("2", "2", "auto")}};

const Register<Overlap, TwoBatch> kDbo{
    {.name = "dbo",
     .summary = "two micro-batches side by side, where there are enough tokens",
     .source = "dual-batch overlap of vLLM; policies.md 4.4",
     .parameters = parameters("32", "512", "prefill")}};

}  // namespace
}  // namespace moesim
