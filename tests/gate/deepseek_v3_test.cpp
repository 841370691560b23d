#include <gmock/gmock.h>

#include "tests/support/gates.hpp"
#include "tests/support/mistakes.hpp"

namespace moesim {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatEq;
using ::testing::HasSubstr;

// Two experts, k = 1; three of the four tokens like expert 0, the last by a little.
Routing three_against_one() { return logit_routing({{{2, 0}, {2, 0}, {0.02F, 0}, {0, 2}}}, 1); }

// Loads 3 and 1, mean 2: the bias of expert 0 falls by the rate, that of expert 1 rises.
TEST(DeepseekV3Gate, MovesTheBiasTowardsAnEvenLoadAfterEachStep) {
  const GateRun run{.section = "{kind: deepseek_v3, bias_update: 0.01}"};
  const GateResult first = apply_gate(run, three_against_one());
  EXPECT_THAT(gate_ids(first), ElementsAre(0, 0, 0, 1));
  EXPECT_THAT(first.state, ElementsAre(FloatEq(-0.01F), FloatEq(0.01F)));
  // sigmoid(0.02) − 0.01 = 0.495 against 0.51: the hesitant token moves, the loads are even.
  GateRun again = run;
  again.step = 1;
  again.state = first.state;
  const GateResult second = apply_gate(again, three_against_one());
  EXPECT_THAT(gate_ids(second), ElementsAre(0, 0, 1, 1));
  EXPECT_THAT(second.state, ElementsAre(FloatEq(-0.01F), FloatEq(0.01F)));
  EXPECT_EQ(second.record.changed, 1);
  EXPECT_EQ(second.record.compared, 4);
}

TEST(DeepseekV3Gate, LeavesTheBiasAloneAfterItsLastUpdate) {
  GateRun run{.section = "{kind: deepseek_v3, bias_update: 0.01, bias_update_steps: 1}"};
  run.step = 1;
  run.state = {0, 0};
  EXPECT_THAT(apply_gate(run, three_against_one()).state, ElementsAre(0, 0));
}

TEST(DeepseekV3Gate, TakesGroupsAndFactorFromTheModel) {
  const Routing routing = logit_routing({{{3, -9, 2, 2}}}, 2);
  GateRun run{.section = "deepseek_v3"};
  run.model.groups = 2;
  run.model.groups_per_token = 1;
  run.model.scale = 2.5;
  const GateResult result = apply_gate(run, routing);
  EXPECT_THAT(gate_ids(result), ElementsAre(2, 3));  // 2 · 0.88 against 0.95 + 0.00
  EXPECT_THAT(result.routing.weights, ElementsAre(FloatEq(1.25F), FloatEq(1.25F)));
  run.section = "{kind: deepseek_v3, groups: 1}";
  EXPECT_THAT(gate_ids(apply_gate(run, routing)), ElementsAre(0, 2));
}

TEST(DeepseekV3Gate, RefusesGroupsThatDoNotFit) {
  const Routing routing = logit_routing({{{3, -9, 2, 2}}}, 2);
  const auto mistake = [&](const std::string& section) {
    return mistake_of([&] { apply_gate({.section = section}, routing); });
  };
  EXPECT_THAT(mistake("{kind: deepseek_v3, groups: 3}"), HasSubstr("3 groups do not divide the 4"));
  EXPECT_THAT(mistake("{kind: deepseek_v3, groups: 2, groups_per_token: 3}"),
              HasSubstr("a token cannot use 3 of 2 groups"));
  EXPECT_THAT(mistake("{kind: deepseek_v3, groups: 4, groups_per_token: 1}"),
              HasSubstr("1 groups of 1 experts are too few for the 2 of a token"));
}

}  // namespace
}  // namespace moesim
