// Zero-computation experts (MoE++, LongCat-Flash, vLLM's zero_expert_num): some more experts that
// have no weights, so that a token that chooses them computes less (policies.md 1.13).
//
// A trace has no logits of such experts. Theirs are drawn for each token: normal, with the mean and
// the deviation of the token's own logits, plus `shift` deviations.
#include <cmath>
#include <numeric>

#include "sim/gate/logit_gate.hpp"
#include "sim/gate/top_k.hpp"

namespace moesim {
namespace {

class ZeroExperts final : public LogitGate {
 public:
  explicit ZeroExperts(const Arguments& arguments)
      : LogitGate(arguments),
        count_(arguments.integer("count")),
        shift_(static_cast<float>(arguments.number("shift"))) {}

 private:
  Gating choose(const GateInput& input, std::vector<float>&) const override {
    const MoeModel& model = input.request.model;
    const int tokens = input.logits.tokens(), width = model.experts + count_;
    const std::vector<float> normals = gate_normals(input.request, tokens, count_);
    std::vector<float> values;
    values.reserve(static_cast<std::size_t>(tokens) * static_cast<std::size_t>(width));
    for (int token = 0; token < tokens; ++token) {
      const auto row = input.logits.of(token);
      const float mean =
          std::accumulate(row.begin(), row.end(), 0.0F) / static_cast<float>(row.size());
      float squares = 0;
      for (const float z : row) squares += (z - mean) * (z - mean);
      const float deviation = std::sqrt(squares / static_cast<float>(row.size()));
      values.insert(values.end(), row.begin(), row.end());
      for (const float normal : row_of(std::span<const float>(normals), token, count_))
        values.push_back(mean + deviation * (normal + shift_));
    }
    Gating gating = softmax_then_topk({.values = values, .experts = width},
                                      {.top_k = input.top_k(),
                                       .normalize = model.normalize,
                                       .epsilon = 1e-20F,
                                       .scale = static_cast<float>(model.scale)});
    gating.scores = score_all(ScoreFunction::kSoftmax, input.logits);
    return gating;
  }

  int count_ = 0;
  float shift_ = 0;
};

const Register<Gate, ZeroExperts> kZeroExperts{
    {.name = "zero_experts",
     .summary = "some more experts that compute nothing",
     .source = "after MoE++ and LongCat-Flash, vLLM; policies.md 1.13",
     .parameters = with_common(
         {{.name = "count",
           .type = ParameterType::kInteger,
           .doc = "experts that compute nothing, beside the model's",
           .required = true,
           .minimum = 1,
           .maximum = 16384},
          {.name = "shift",
           .type = ParameterType::kNumber,
           .doc = "their mean logit above that of the others, in deviations of the token's logits",
           .fallback = "0"}})}};

}  // namespace
}  // namespace moesim
