// Softmax of logits over a temperature, top-k, weights over their sum: towards 0 it is argmax,
// towards infinity all weights are the same (policies.md 1.10). The ids are those of top-k.
#include "sim/gate/logit_gate.hpp"
#include "sim/gate/top_k.hpp"

namespace moesim {
namespace {

class TemperatureSoftmax final : public LogitGate {
 public:
  explicit TemperatureSoftmax(const Arguments& arguments) : LogitGate(arguments) {}

 private:
  Gating choose(const GateInput& input, std::vector<float>&) const override {
    return topk_then_softmax(input.logits, input.top_k());
  }
};

const Register<Gate, TemperatureSoftmax> kTemperatureSoftmax{
    {.name = "temperature_softmax",
     .summary = "top-k with a softmax whose temperature may follow a schedule",
     .source = "policies.md 1.10",
     .parameters = with_common({})}};

}  // namespace
}  // namespace moesim
