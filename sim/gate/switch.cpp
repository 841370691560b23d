// Switch routing (Fedus et al. 2021; Mesh-TensorFlow; policies.md 1.2): the best expert of a token,
// weighed by its softmax, with a policy that explores while training. One expert a token, whatever
// the model's k.
//
// Jitter and dropout act on the hidden state, which a trace does not have; we draw what they do to
// the logits. A logit is a sum of H terms of random signs, so that the sum of the squared terms is
// about the mean square of the token's logits. Multiplying each term by U(1 − ε, 1 + ε) adds a
// normal of deviation ε / √3 times its root; dropping terms at rate r and scaling the others by
// 1 / (1 − r) one of √(r / (1 − r)) times it (our derivation).
#include <cmath>

#include "sim/gate/logit_gate.hpp"
#include "sim/gate/sampling.hpp"
#include "sim/gate/top_k.hpp"

namespace moesim {
namespace {

class Switch final : public LogitGate {
 public:
  explicit Switch(const Arguments& arguments)
      : LogitGate(arguments), sample_(arguments.text("policy") == "sample") {
    const double jitter = arguments.number("jitter"), rate = arguments.number("dropout");
    if (arguments.text("policy") == "input_jitter") deviation_ = jitter / std::sqrt(3.0);
    if (arguments.text("policy") == "input_dropout") deviation_ = std::sqrt(rate / (1 - rate));
  }

 private:
  Gating choose(const GateInput& input, std::vector<float>&) const override {
    const Logits& logits = input.logits;
    if (sample_) return multinomial(logits, 1, 1, gate_uniforms(input.request, logits.tokens(), 1));
    if (deviation_ <= 0) return softmax_then_topk(logits, {.top_k = 1});
    const std::vector<float> noisy = with_noise(
        logits, deviations(logits), gate_normals(input.request, logits.tokens(), logits.experts));
    return softmax_then_topk({.values = noisy, .experts = logits.experts}, {.top_k = 1});
  }

  // [tokens × experts]
  std::vector<float> deviations(const Logits& logits) const {
    std::vector<float> all;
    all.reserve(logits.values.size());
    for (int token = 0; token < logits.tokens(); ++token) {
      double squares = 0;
      for (const float z : logits.of(token)) squares += static_cast<double>(z) * z;
      const double root = std::sqrt(squares / logits.experts);
      all.insert(all.end(), static_cast<std::size_t>(logits.experts),
                 static_cast<float>(deviation_ * root));
    }
    return all;
  }

  bool sample_ = false;
  double deviation_ = 0;  // over the root mean square of a token's logits
};

const Register<Gate, Switch> kSwitch{
    {.name = "switch",
     .summary = "the best expert, with the input jitter or dropout of its training, or a sample",
     .source = "Switch Transformer, Mesh-TensorFlow; policies.md 1.2",
     .parameters = with_common({{.name = "policy",
                                 .type = ParameterType::kChoice,
                                 .doc = "how a token's expert is chosen",
                                 .fallback = "argmax",
                                 .choices = {"argmax", "sample", "input_dropout", "input_jitter"}},
                                {.name = "jitter",
                                 .type = ParameterType::kNumber,
                                 .doc = "ε of input_jitter",
                                 .fallback = "0.01",
                                 .minimum = 0,
                                 .maximum = 1},
                                {.name = "dropout",
                                 .type = ParameterType::kNumber,
                                 .doc = "rate of input_dropout",
                                 .fallback = "0.1",
                                 .minimum = 0,
                                 .maximum = 0.99}})}};

}  // namespace
}  // namespace moesim
