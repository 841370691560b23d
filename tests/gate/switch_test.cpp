#include <gmock/gmock.h>

#include <algorithm>

#include "tests/support/gates.hpp"

namespace moesim {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatNear;

Routing many_tokens(const std::vector<float>& logits, int tokens) {
  return logit_routing({std::vector<std::vector<float>>(static_cast<std::size_t>(tokens), logits)},
                       1);
}

double share_of_expert(const GateResult& result, int expert) {
  const std::vector<int> ids = gate_ids(result);
  return static_cast<double>(std::count(ids.begin(), ids.end(), expert)) /
         static_cast<double>(ids.size());
}

TEST(SwitchGate, TakesTheBestExpertWithItsSoftmax) {
  const Routing routing = logit_routing({{shares({0.2F, 0.7F, 0.1F})}}, 2);
  const GateResult result = apply_gate({.section = "switch"}, routing);
  EXPECT_THAT(gate_ids(result), ElementsAre(1));
  EXPECT_THAT(result.routing.weights, ElementsAre(FloatNear(0.7F, 1e-5F)));
}

// The root mean square of 1.05 and 0.95 is 1, so each logit gets a normal of deviation 0.3 / √3,
// and their difference of 0.1 one of √2 times that: Φ(−0.1 / 0.245) = 0.342 of the tokens change.
TEST(SwitchGate, JittersLogitsAsItsInputWould) {
  const Routing routing = many_tokens({1.05F, 0.95F}, 4000);
  EXPECT_NEAR(
      share_of_expert(
          apply_gate({.section = "{kind: switch, policy: input_jitter, jitter: 0.3}"}, routing), 1),
      0.342, 0.025);
  EXPECT_EQ(share_of_expert(apply_gate({.section = "{kind: switch, policy: input_jitter, jitter: "
                                                   "0}"},
                                       routing),
                            1),
            0);
}

// √(0.2 / 0.8) = 0.5: Φ(−0.1 / (√2 · 0.5)) = 0.444.
TEST(SwitchGate, DropsPartsOfItsInput) {
  EXPECT_NEAR(
      share_of_expert(apply_gate({.section = "{kind: switch, policy: input_dropout, dropout: 0.2}"},
                                 many_tokens({1.05F, 0.95F}, 4000)),
                      1),
      0.444, 0.025);
}

TEST(SwitchGate, SamplesByTheSoftmax) {
  EXPECT_NEAR(share_of_expert(apply_gate({.section = "{kind: switch, policy: sample}"},
                                         many_tokens(shares({0.75F, 0.25F}), 4000)),
                              1),
              0.25, 0.025);
}

}  // namespace
}  // namespace moesim
