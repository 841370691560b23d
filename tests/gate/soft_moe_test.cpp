#include <gmock/gmock.h>

#include "tests/support/gates.hpp"
#include "tests/support/mistakes.hpp"

namespace moesim {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::HasSubstr;

// 12 tokens of one source and 6 of the other over 4 experts: 3 and round(1.5) = 2 slots of each.
TEST(SoftMoeGate, SendsSlotsInsteadOfTokens) {
  std::vector<std::vector<float>> tokens(12, std::vector<float>(4, 0));
  const Routing routing =
      logit_routing({tokens, std::vector(tokens.begin(), tokens.begin() + 6)}, 2);
  const GateResult result = apply_gate({.section = "soft_moe"}, routing);
  EXPECT_THAT(result.routing.counts.raw(), ElementsAre(3, 3, 3, 3, 2, 2, 2, 2));
  EXPECT_THAT(result.routing.first_token, ElementsAre(0, 12, 20));
  EXPECT_EQ(result.routing.top_k, 1);
  EXPECT_EQ(result.record.tokens, 18);
  EXPECT_EQ(result.record.changed, 36);
}

}  // namespace
}  // namespace moesim
