// Top-k of a score of each expert alone: the sigmoid (Llama-4, Megatron), or the square root of
// softplus (DeepSeek-V4). The weights of several experts are over their sum.
#include "sim/gate/logit_gate.hpp"
#include "sim/gate/top_k.hpp"

namespace moesim {
namespace {

class Sigmoid final : public LogitGate {
 public:
  explicit Sigmoid(const Arguments& arguments) : LogitGate(arguments), arguments_(arguments) {}

 private:
  Gating choose(const GateInput& input, std::vector<float>&) const override {
    const double scale =
        arguments_.has("scale") ? arguments_.number("scale") : input.request.model.scale;
    return choose_top_k(input.logits, {.top_k = input.top_k(),
                                       .score = arguments_.text("score") == "sigmoid"
                                                    ? ScoreFunction::kSigmoid
                                                    : ScoreFunction::kSqrtSoftplus,
                                       .normalize = input.top_k() > 1,
                                       .epsilon = 1e-20F,
                                       .scale = static_cast<float>(scale)});
  }

  Arguments arguments_;
};

const Register<Gate, Sigmoid> kSigmoid{
    {.name = "sigmoid",
     .summary = "top-k of a score of each expert alone",
     .source = "Llama-4, Megatron-LM, DeepSeek-V4; policies.md 1.1",
     .parameters = with_common({{.name = "score",
                                 .type = ParameterType::kChoice,
                                 .doc = "sigmoid, or the square root of ln(1 + e^z)",
                                 .fallback = "sigmoid",
                                 .choices = {"sigmoid", "sqrt_softplus"}},
                                weight_parameters()[1]})}};

}  // namespace
}  // namespace moesim
