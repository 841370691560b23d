// Expert choice (Zhou et al. 2022): each expert takes its best tokens of a source rank, so many
// that the load is even by construction; a token gets no expert, or several (policies.md 1.12).
#include <algorithm>

#include "sim/gate/assignment.hpp"
#include "sim/gate/by_source.hpp"
#include "sim/gate/logit_gate.hpp"

namespace moesim {
namespace {

class ExpertChoice final : public LogitGate {
 public:
  explicit ExpertChoice(const Arguments& arguments)
      : LogitGate(arguments),
        arguments_(arguments),
        over_tokens_(arguments.text("softmax_over") == "tokens") {}

  std::string caution() const override {
    return "expert_choice looks at later tokens: it is for training and encoders, not for serving "
           "a decoder";
  }

 private:
  Gating choose(const GateInput& input, std::vector<float>&) const override {
    const MoeModel& model = input.request.model;
    const double factor =
        arguments_.has("factor") ? arguments_.number("factor") : static_cast<double>(model.top_k);
    return gate_by_source(input, [&](const Logits& logits) {
      const std::vector<float> gates =
          over_tokens_ ? softmax_over_tokens(logits) : score_all(ScoreFunction::kSoftmax, logits);
      const Logits shares{.values = gates, .experts = logits.experts};
      const int capacity = std::max(slots_of_expert(logits.tokens(), logits.experts, factor),
                                    arguments_.integer("minimum"));
      Gating gating = by_token(expert_choice(shares, capacity), shares);
      if (over_tokens_) divide_by_experts(gating);
      return gating;
    });
  }

  // Mesh-TensorFlow divides what a token gets by the number of experts that chose it.
  static void divide_by_experts(Gating& gating) {
    for (int token = 0; token < gating.tokens(); ++token) {
      const auto ids = gating.ids_of(token);
      const auto experts = std::count_if(ids.begin(), ids.end(), [](int id) { return id >= 0; });
      for (float& weight : gating.weights_of(token))
        weight /= static_cast<float>(std::max<std::ptrdiff_t>(1, experts));
    }
  }

  Arguments arguments_;
  bool over_tokens_ = false;
};

const Register<Gate, ExpertChoice> kExpertChoice{
    {.name = "expert_choice",
     .summary = "each expert takes its best tokens of a source GPU",
     .source = "Zhou et al. 2022, Flaxformer, Mesh-TensorFlow; policies.md 1.12",
     .parameters = with_common(
         {{.name = "factor",
           .type = ParameterType::kNumber,
           .doc = "an expert takes factor · tokens / experts, rounded; default: the model's top-k",
           .minimum = 0,
           .above_minimum = true},
          {.name = "minimum",
           .type = ParameterType::kInteger,
           .doc = "least tokens that an expert takes (Flaxformer: 4)",
           .fallback = "1",
           .minimum = 1},
          {.name = "softmax_over",
           .type = ParameterType::kChoice,
           .doc = "gates: a token's softmax over experts, or an expert's over tokens "
                  "(Mesh-TensorFlow)",
           .fallback = "experts",
           .choices = {"experts", "tokens"}}})}};

}  // namespace
}  // namespace moesim
