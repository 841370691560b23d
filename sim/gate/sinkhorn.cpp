// Sinkhorn's balanced assignment (Megatron; policies.md 1.12): the softmax is scaled until every
// expert has the same sum over the tokens of a source rank, and top-k is taken of that. For
// training; at inference the same models use plain top-k.
#include "sim/gate/assignment.hpp"
#include "sim/gate/by_source.hpp"
#include "sim/gate/logit_gate.hpp"

namespace moesim {
namespace {

class Sinkhorn final : public LogitGate {
 public:
  explicit Sinkhorn(const Arguments& arguments)
      : LogitGate(arguments), tolerance_(static_cast<float>(arguments.number("tolerance"))) {}

  std::string caution() const override {
    return "sinkhorn balances over a batch in training; at inference its models take plain top-k";
  }

 private:
  Gating choose(const GateInput& input, std::vector<float>&) const override {
    return gate_by_source(input, [&](const Logits& logits) {
      return sinkhorn_topk(logits, input.top_k(), tolerance_);
    });
  }

  float tolerance_ = 1e-4F;
};

const Register<Gate, Sinkhorn> kSinkhorn{
    {.name = "sinkhorn",
     .summary = "top-k of logits that are scaled to an even load of each source's tokens",
     .source = "Megatron-LM; policies.md 1.12",
     .parameters = with_common({{.name = "tolerance",
                                 .type = ParameterType::kNumber,
                                 .doc = "mean change of the column factors at which it stops",
                                 .fallback = "1e-4",
                                 .minimum = 0,
                                 .above_minimum = true}})}};

}  // namespace
}  // namespace moesim
