#include <gmock/gmock.h>

#include "tests/support/gates.hpp"
#include "tests/support/mistakes.hpp"

namespace moesim {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::HasSubstr;

TEST(UniformRandomGate, DrawsDistinctExpertsAllAlike) {
  const Routing routing = random_logits(2000, 8, 2);
  const GateResult result = apply_gate({.section = "uniform_random"}, routing);
  for (const int count : result.routing.counts.raw()) EXPECT_NEAR(count, 500, 80);
  for (int token = 0; token < 2000; ++token)
    ASSERT_NE(result.routing.ids_of(token)[0], result.routing.ids_of(token)[1]);
  EXPECT_THAT(result.routing.weights, Each(0.5F));
}

TEST(UniformRandomGate, DrawsAsVllmDoes) {
  const Routing routing = random_logits(2000, 8, 2);
  const GateResult with =
      apply_gate({.section = "{kind: uniform_random, draw: replacement}"}, routing);
  int equal = 0;
  for (int token = 0; token < 2000; ++token)
    equal += with.routing.ids_of(token)[0] == with.routing.ids_of(token)[1] ? 1 : 0;
  EXPECT_NEAR(equal, 250, 60);  // one in eight
  // sigmoid of a normal number is below 1/8 with chance Φ(−ln 7) = 0.0258.
  const GateResult normal =
      apply_gate({.section = "{kind: uniform_random, draw: normal}"}, routing);
  EXPECT_NEAR(normal.routing.counts.raw()[0], 0.0258 * 4000, 40);
}

TEST(UniformRandomGate, SendsABatchToOneExpertAsThorDoes) {
  const GateResult result =
      apply_gate({.section = "{kind: uniform_random, draw: batch}"}, random_logits(20, 8, 2));
  EXPECT_THAT(gate_ids(result), Each(gate_ids(result).front()));
  EXPECT_EQ(result.routing.top_k, 1);
}

}  // namespace
}  // namespace moesim
