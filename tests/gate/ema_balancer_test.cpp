#include <gmock/gmock.h>

#include "tests/support/gates.hpp"
#include "tests/support/mistakes.hpp"

namespace moesim {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::HasSubstr;

// Two tokens: loads 2 and 0. At smoothing 0.5 the average is 1 and 0, so that expert 1 counts for
// far more in the next step.
TEST(EmaBalancerGate, PrefersExpertsThatWereUsedLess) {
  const Routing routing = logit_routing({{shares({0.9F, 0.1F}), shares({0.6F, 0.4F})}}, 1);
  GateRun run{.section = "{kind: ema_balancer, smoothing: 0.5}"};
  const GateResult first = apply_gate(run, routing);
  EXPECT_THAT(gate_ids(first), ElementsAre(0, 0));
  EXPECT_THAT(first.state, ElementsAre(1, 0));
  run.step = 1;
  run.state = first.state;
  EXPECT_THAT(gate_ids(apply_gate(run, routing)), ElementsAre(1, 1));
  // Mean 5/4: factors 5/8 and 5/2. 0.9 · 1.25 / 2 = 0.5625 and 0.1 · 1.25 / 0.5 = 0.25; then 0.375
  // and 1.
  run.state = {2, 0.5F};
  EXPECT_THAT(gate_ids(apply_gate(run, routing)), ElementsAre(0, 1));
  // Mean probabilities 0.75 and 0.25: a tenth of the deviation 0.25.
  EXPECT_EQ(first.record.losses.back().first, "ema_deviation");
  EXPECT_NEAR(first.record.losses.back().second, 0.025, 1e-6);
}

}  // namespace
}  // namespace moesim
