// Top-k of the logits, then a softmax over the k chosen (Mixtral, gpt-oss, Megatron's default).
#include "sim/gate/logit_gate.hpp"
#include "sim/gate/top_k.hpp"

namespace moesim {
namespace {

class TopkThenSoftmax final : public LogitGate {
 public:
  explicit TopkThenSoftmax(const Arguments& arguments)
      : LogitGate(arguments), scale_(arguments.number("scale")) {}

 private:
  Gating choose(const GateInput& input, std::vector<float>&) const override {
    return topk_then_softmax(input.logits, input.top_k(), static_cast<float>(scale_));
  }

  double scale_ = 1;
};

const Register<Gate, TopkThenSoftmax> kTopkThenSoftmax{
    {.name = "topk_then_softmax",
     .summary = "top-k of the logits, softmax over the k chosen",
     .source = "Mixtral, gpt-oss, Megatron-LM; policies.md 1.1",
     .parameters = with_common({{.name = "scale",
                                 .type = ParameterType::kNumber,
                                 .doc = "factor on the weights",
                                 .fallback = "1",
                                 .minimum = 0,
                                 .above_minimum = true}})}};

}  // namespace
}  // namespace moesim
