// Random sampling: a token's experts are drawn by their softmax, without replacement (policies.md
// 1.10).
#include "sim/gate/logit_gate.hpp"
#include "sim/gate/sampling.hpp"

namespace moesim {
namespace {

class Multinomial final : public LogitGate {
 public:
  explicit Multinomial(const Arguments& arguments) : LogitGate(arguments) {}

 private:
  Gating choose(const GateInput& input, std::vector<float>&) const override {
    return multinomial(input.logits, input.top_k(), 1,
                       gate_uniforms(input.request, input.logits.tokens(), input.top_k()));
  }
};

const Register<Gate, Multinomial> kMultinomial{
    {.name = "multinomial",
     .summary = "experts drawn by their softmax, without replacement",
     .source = "policies.md 1.10",
     .parameters = with_common({})}};

}  // namespace
}  // namespace moesim
