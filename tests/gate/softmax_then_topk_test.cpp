#include <gmock/gmock.h>

#include "tests/support/gates.hpp"
#include "tests/support/mistakes.hpp"

namespace moesim {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::HasSubstr;

TEST(SoftmaxThenTopkGate, NormalizesAndScalesAsTheModelDoes) {
  const Routing routing = logit_routing({{shares({0.6F, 0.1F, 0.3F})}}, 2);
  GateRun run{.section = "softmax_then_topk"};
  EXPECT_THAT(apply_gate(run, routing).routing.weights,
              ElementsAre(FloatNear(0.6F, 1e-5F), FloatNear(0.3F, 1e-5F)));
  run.model.normalize = true;
  run.model.scale = 6;
  EXPECT_THAT(apply_gate(run, routing).routing.weights,
              ElementsAre(FloatNear(4, 1e-5F), FloatNear(2, 1e-5F)));
  run.section = "{kind: softmax_then_topk, normalize_instead_of_scale: true}";
  EXPECT_THAT(apply_gate(run, routing).routing.weights,
              ElementsAre(FloatNear(2.0F / 3, 1e-5F), FloatNear(1.0F / 3, 1e-5F)));
}

// Groups {0, 1} with 0.4 at most, {2, 3} with 0.35: by the largest the first group wins, by the sum
// (0.45 against 0.55) the second.
TEST(SoftmaxThenTopkGate, ScoresAGroupByItsLargestUnlessTold) {
  const Routing routing = logit_routing({{shares({0.4F, 0.05F, 0.35F, 0.2F})}}, 2);
  EXPECT_THAT(
      gate_ids(apply_gate({.section = "{kind: softmax_then_topk, groups: 2, groups_per_token: 1}"},
                          routing)),
      ElementsAre(0, 1));
  EXPECT_THAT(gate_ids(apply_gate({.section = "{kind: softmax_then_topk, groups: 2, "
                                              "groups_per_token: 1, group_score: sum_top2}"},
                                  routing)),
              ElementsAre(2, 3));
}

}  // namespace
}  // namespace moesim
