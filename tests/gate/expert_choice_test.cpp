#include <gmock/gmock.h>

#include "tests/support/gates.hpp"
#include "tests/support/mistakes.hpp"

namespace moesim {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::HasSubstr;

// Gates of expert 0: 0.9, 0.8, 0.2; of expert 1: 0.1, 0.2, 0.8. Two tokens each: round(1.25 · 3 /
// 2).
const Routing kThree =
    logit_routing({{shares({0.9F, 0.1F}), shares({0.8F, 0.2F}), shares({0.2F, 0.8F})}}, 1);

TEST(ExpertChoiceGate, LetsEachExpertTakeItsBestTokens) {
  const GateResult result = apply_gate({.section = "{kind: expert_choice, factor: 1.25}"}, kThree);
  EXPECT_EQ(result.routing.top_k, 2);
  EXPECT_THAT(gate_ids(result), ElementsAre(0, -1, 0, 1, 1, -1));
  EXPECT_THAT(result.routing.counts.raw(), Each(2));
}

TEST(ExpertChoiceGate, LeavesATokenWithoutExpert) {
  const GateResult result = apply_gate({.section = "{kind: expert_choice, factor: 0.5}"}, kThree);
  EXPECT_THAT(gate_ids(result), ElementsAre(0, -1, 1));
  EXPECT_EQ(result.record.unrouted_tokens, 1);
}

// Over tokens the gates of expert 0 are 9/19, 8/19, 2/19; token 1 has both experts, so half of
// each.
TEST(ExpertChoiceGate, MayTakeTheSoftmaxOverTokens) {
  const GateResult result =
      apply_gate({.section = "{kind: expert_choice, factor: 1.25, softmax_over: tokens}"}, kThree);
  EXPECT_THAT(gate_ids(result), ElementsAre(0, -1, 0, 1, 1, -1));
  EXPECT_NEAR(result.routing.weights[0], 9.0 / 19, 1e-5);
  EXPECT_NEAR(result.routing.weights[2], 8.0 / 19 / 2, 1e-5);
}

TEST(ExpertChoiceGate, CautionsThatItLooksAhead) {
  EXPECT_THAT(plugin<Gate>("expert_choice")->caution(), HasSubstr("later tokens"));
}

}  // namespace
}  // namespace moesim
