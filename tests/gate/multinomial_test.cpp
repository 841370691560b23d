#include <gmock/gmock.h>

#include "tests/support/gates.hpp"
#include "tests/support/mistakes.hpp"

namespace moesim {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::HasSubstr;

TEST(MultinomialGate, DrawsExpertsByTheirSoftmax) {
  const Routing routing =
      logit_routing({std::vector<std::vector<float>>(4000, shares({0.7F, 0.2F, 0.1F}))}, 1);
  const GateResult result = apply_gate({.section = "multinomial"}, routing);
  EXPECT_NEAR(result.routing.counts.raw()[0], 2800, 120);  // four deviations
  EXPECT_NEAR(result.routing.counts.raw()[1], 800, 100);
  EXPECT_EQ(result.record.changed, 4000 - result.routing.counts.raw()[0]);
}

TEST(MultinomialGate, GivesATokenDistinctExperts) {
  const GateResult result = apply_gate({.section = "multinomial"}, random_logits(300, 8, 8));
  EXPECT_THAT(result.routing.counts.raw(), Each(300));
}

}  // namespace
}  // namespace moesim
