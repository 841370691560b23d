#include <gmock/gmock.h>

#include "tests/support/gates.hpp"
#include "tests/support/mistakes.hpp"

namespace moesim {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::HasSubstr;

// Room for max(min(4, int(1 · 4 / 2)), 0) = 2 tokens: the third token that prefers expert 0 takes
// its second choice.
TEST(NtlbGate, SendsATokenToTheNextBestExpertWithRoom) {
  const Routing routing = logit_routing({{{3, 0}, {3, 0}, {0, 3}, {3, 0}}}, 2);
  const GateResult result = apply_gate({.section = "{kind: ntlb, factor: 1, minimum: 0}"}, routing);
  EXPECT_THAT(gate_ids(result), ElementsAre(0, 0, 1, 1));
  EXPECT_EQ(result.record.unrouted_tokens, 0);
}

TEST(NtlbGate, LeavesTokensOutAfterSoManyTries) {
  const Routing routing = logit_routing({{{3, 0}, {3, 0}, {0, 3}, {3, 0}}}, 2);
  const GateResult result =
      apply_gate({.section = "{kind: ntlb, factor: 1, minimum: 0, tries: 1}"}, routing);
  EXPECT_THAT(gate_ids(result), ElementsAre(0, 0, 1, -1));
  EXPECT_EQ(result.record.unrouted_tokens, 1);
}

}  // namespace
}  // namespace moesim
