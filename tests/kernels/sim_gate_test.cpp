// The gates against the ones that the simulator uses (sim/gate), which define them. Those take
// exponentials of the C library, so two experts whose scores differ in the last places may trade
// places.
#include "kernels/gate_math.hpp"
#include "sim/gate/top_k.hpp"
#include "tests/kernels/gate_runs.hpp"

namespace moesim::kernels {
namespace {

class SimGate : public OnBackend {
 protected:
  void expect_as_simulated(const GateInputs& inputs, const moesim::Gating& simulated) {
    const GateOutputs outputs = route(fast_, inputs);
    ASSERT_EQ(outputs.ids.size(), simulated.ids.size());
    int traded = 0;
    for (std::size_t i = 0; i < outputs.ids.size(); ++i) {
      EXPECT_NEAR(outputs.weights[i], simulated.weights[i],
                  1e-6 + 1e-5 * std::abs(simulated.weights[i]));
      if (outputs.ids[i] == simulated.ids[i]) continue;
      ++traded;
      const int token = static_cast<int>(i) / inputs.rule.top_k;
      EXPECT_NEAR(selection(inputs, token, outputs.ids[i]),
                  selection(inputs, token, simulated.ids[i]), 1e-6f);
    }
    EXPECT_LE(traded, static_cast<int>(outputs.ids.size()) / 1000);
  }

 private:
  static float selection(const GateInputs& inputs, int token, int expert) {
    const float z = inputs.logits[static_cast<std::size_t>(token) * inputs.rule.experts + expert];
    const float score = gate_score(inputs.rule.kind, z, 0, 0);
    return inputs.bias.empty() ? score : score + inputs.bias[expert];
  }
};

GateInputs inputs_for(const GateRule& rule, unsigned seed) {
  return GateInputs{.rule = rule,
                    .tokens = 300,
                    .logits = normals(300 * static_cast<std::size_t>(rule.experts), seed, 2)};
}

TEST_P(SimGate, DeepSeekV3ChoosesTheExpertsOfTheSimulator) {
  GateInputs inputs = inputs_for({.kind = GateKind::kSigmoid,
                                  .experts = 256,
                                  .top_k = 8,
                                  .renormalize = true,
                                  .scaling_factor = 2.5f,
                                  .groups = 8,
                                  .groups_kept = 4},
                                 1);
  inputs.bias = normals(256, 2, 0.1f);
  expect_as_simulated(inputs,
                      deepseek_v3(Logits{.values = inputs.logits, .experts = 256}, inputs.bias,
                                  TopKRule{.top_k = 8,
                                           .normalize = true,
                                           .scale = 2.5f,
                                           .limit = {.groups = 8, .kept = 4, .best = 2}}));
}

TEST_P(SimGate, SoftmaxGatesChooseTheExpertsOfTheSimulator) {
  for (const bool normalize : {false, true}) {
    const GateInputs inputs = inputs_for({.kind = GateKind::kSoftmaxThenTopk,
                                          .experts = 160,
                                          .top_k = 6,
                                          .renormalize = normalize,
                                          .scaling_factor = 16,
                                          .groups = 8,
                                          .groups_kept = 3,
                                          .group_score = GroupScore::kMax},
                                         3);
    expect_as_simulated(inputs,
                        softmax_then_topk(Logits{.values = inputs.logits, .experts = 160},
                                          TopKRule{.top_k = 6,
                                                   .normalize = normalize,
                                                   .scale = 16,
                                                   .limit = {.groups = 8, .kept = 3, .best = 1}}));
  }
}

TEST_P(SimGate, MixtralsGateChoosesTheExpertsOfTheSimulator) {
  const GateInputs inputs =
      inputs_for({.kind = GateKind::kTopkThenSoftmax, .experts = 8, .top_k = 2}, 4);
  expect_as_simulated(inputs, topk_then_softmax(Logits{.values = inputs.logits, .experts = 8}, 2));
}

MOESIM_ON_ALL_BACKENDS(SimGate);

}  // namespace
}  // namespace moesim::kernels
