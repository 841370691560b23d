// No token left behind (Mesh-TensorFlow; policies.md 1.12): a token whose expert is full tries its
// next best one. Every token gets one expert at most, whatever the model's k.
#include <algorithm>

#include "sim/gate/assignment.hpp"
#include "sim/gate/by_source.hpp"
#include "sim/gate/logit_gate.hpp"

namespace moesim {
namespace {

class NoTokenLeftBehind final : public LogitGate {
 public:
  explicit NoTokenLeftBehind(const Arguments& arguments)
      : LogitGate(arguments), arguments_(arguments) {}

 private:
  Gating choose(const GateInput& input, std::vector<float>&) const override {
    const int experts = input.request.model.experts;
    const int tries =
        arguments_.has("tries") ? std::min(arguments_.integer("tries"), experts) : input.top_k();
    const double factor = arguments_.number("factor");
    return gate_by_source(input, [&](const Logits& logits) {
      const int share = static_cast<int>(logits.tokens() * factor / experts);
      const int capacity =
          std::max(std::min(logits.tokens(), share), arguments_.integer("minimum"));
      return no_token_left_behind(logits, tries, capacity).gating;
    });
  }

  Arguments arguments_;
};

const Register<Gate, NoTokenLeftBehind> kNoTokenLeftBehind{
    {.name = "ntlb",
     .summary = "one expert a token: the best one that still has room",
     .source = "Mesh-TensorFlow; policies.md 1.12",
     .parameters = with_common(
         {{.name = "tries",
           .type = ParameterType::kInteger,
           .doc = "choices that a token tries; default: the model's top-k",
           .minimum = 1},
          {.name = "factor",
           .type = ParameterType::kNumber,
           .doc = "room of an expert: int(factor · tokens / experts) of each source GPU",
           .fallback = "1.25",
           .minimum = 0,
           .above_minimum = true},
          {.name = "minimum",
           .type = ParameterType::kInteger,
           .doc = "least room",
           .fallback = "4",
           .minimum = 0}})}};

}  // namespace
}  // namespace moesim
