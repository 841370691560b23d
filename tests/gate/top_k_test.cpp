#include "sim/gate/top_k.hpp"

#include <gmock/gmock.h>

#include <cmath>
#include <numeric>

#include "sim/base/random.hpp"

namespace moesim {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatNear;

// ln 1, ln 2, ln 4, ln 1: the softmax is 1/8, 1/4, 1/2, 1/8.
const std::vector<float> kEighths = {0, std::log(2.0F), std::log(4.0F), 0};
const Logits kToken{.values = kEighths, .experts = 4};
constexpr float kNear = 1e-6F;
constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();

TEST(TopkThenSoftmax, WeighsTheChosenAgainstEachOther) {
  const Gating gating = topk_then_softmax(kToken, 2);
  EXPECT_THAT(gating.ids, ElementsAre(2, 1));
  EXPECT_THAT(gating.weights, ElementsAre(FloatNear(2.0F / 3, kNear), FloatNear(1.0F / 3, kNear)));
  EXPECT_THAT(gating.scores, ElementsAre(FloatNear(0.125F, kNear), FloatNear(0.25F, kNear),
                                         FloatNear(0.5F, kNear), FloatNear(0.125F, kNear)));
}

TEST(SoftmaxThenTopk, KeepsTheProbabilitiesUnlessTheyAreNormalized) {
  EXPECT_THAT(softmax_then_topk(kToken, {.top_k = 2}).weights,
              ElementsAre(FloatNear(0.5F, kNear), FloatNear(0.25F, kNear)));
  EXPECT_THAT(softmax_then_topk(kToken, {.top_k = 2, .normalize = true, .scale = 3}).weights,
              ElementsAre(FloatNear(2, kNear), FloatNear(1, kNear)));
}

// policies.md section 9, item 1.
TEST(SoftmaxThenTopk, NormalizedIsTheSameAsSoftmaxOverTheChosen) {
  Rng rng(1, Purpose::kGate);
  std::vector<float> values(100 * 32);
  for (float& value : values) value = static_cast<float>(2 * rng.normal());
  const Logits logits{.values = values, .experts = 32};
  const Gating after = topk_then_softmax(logits, 4);
  const Gating before = softmax_then_topk(logits, {.top_k = 4, .normalize = true});
  EXPECT_EQ(after.ids, before.ids);
  for (std::size_t i = 0; i < after.weights.size(); ++i)
    EXPECT_NEAR(after.weights[i], before.weights[i], 1e-6);
}

TEST(ChooseTop, TakesTheLowerOfEqualExpertsAndNeverOneThatIsMasked) {
  const std::vector<float> scores = {1, 3, kMinusInfinity, 3};
  std::vector<std::int16_t> ids(4);
  choose_top(scores, ids);
  EXPECT_THAT(ids, ElementsAre(1, 3, 0, -1));
}

TEST(SigmoidTopk, DividesTheWeightsOfSeveralExpertsByTheirSum) {
  const std::vector<float> values = {0, std::log(3.0F), std::log(0.25F)};  // 1/2, 3/4, 1/5
  const Logits logits{.values = values, .experts = 3};
  EXPECT_THAT(sigmoid_topk(logits, 1).weights, ElementsAre(FloatNear(0.75F, kNear)));
  const Gating two = sigmoid_topk(logits, 2, 2.5F);
  EXPECT_THAT(two.ids, ElementsAre(1, 0));
  EXPECT_THAT(two.weights, ElementsAre(FloatNear(1.5F, kNear), FloatNear(1, kNear)));
}

// Sigmoids 1/2, 1/5, 3/4, 1/2; the bias lifts the first to 1.1.
TEST(DeepseekV3, SelectsWithTheBiasAndWeighsWithout) {
  const std::vector<float> values = {0, std::log(0.25F), std::log(3.0F), 0};
  const Logits logits{.values = values, .experts = 4};
  const std::vector<float> bias = {0.6F, 0, 0, 0};
  const Gating gating = deepseek_v3(logits, bias, {.top_k = 2, .normalize = true, .scale = 2});
  EXPECT_THAT(gating.ids, ElementsAre(0, 2));  // 1.1 before 0.75
  EXPECT_THAT(gating.weights, ElementsAre(FloatNear(0.8F, kNear), FloatNear(1.2F, kNear)));
}

// Groups {0, 1} and {2, 3}: sums of the two best 0.7 and 1.25, largest 0.5 and 0.75.
TEST(DeepseekV3, StaysInsideTheBestGroups) {
  const std::vector<float> values = {0, std::log(0.25F), std::log(3.0F), 0};
  const Logits logits{.values = values, .experts = 4};
  TopKRule rule{.top_k = 2, .limit = {.groups = 2, .kept = 1, .best = 2}};
  EXPECT_THAT(deepseek_v3(logits, {}, rule).ids, ElementsAre(2, 3));
  // 1.3 + 0.4 against 1.25: the bias also chooses the group.
  const std::vector<float> bias = {0.8F, 0.2F, 0, 0};
  EXPECT_THAT(deepseek_v3(logits, bias, rule).ids, ElementsAre(0, 1));
  // A single strong expert beats two middling ones only where the best one counts.
  const std::vector<float> lone = {0.3F, -0.2F, 0, 0};  // 0.8 + 0, 0.75 + 0.5
  EXPECT_THAT(deepseek_v3(logits, lone, rule).ids, ElementsAre(2, 3));
  rule.limit.best = 1;
  EXPECT_THAT(deepseek_v3(logits, lone, rule).ids, ElementsAre(0, 1));
}

// All biased scores are below 0, so a mask of 0 lets the group that lost win.
TEST(DeepseekV3, LetsMaskedExpertsWinWhereTheMaskIsZero) {
  const std::vector<float> values = {0, 0, 0, 0};
  const std::vector<float> bias = {-1, -1, -2, -2};
  const Logits logits{.values = values, .experts = 4};
  TopKRule rule{.top_k = 2, .limit = {.groups = 2, .kept = 1, .best = 2}};
  EXPECT_THAT(deepseek_v3(logits, bias, rule).ids, ElementsAre(0, 1));
  rule.limit.masked = 0;
  EXPECT_THAT(deepseek_v3(logits, bias, rule).ids, ElementsAre(2, 3));
}

// policies.md section 9, item 2.
TEST(DeepseekV3, WithoutLimitOrBiasIsSigmoidTopk) {
  Rng rng(2, Purpose::kGate);
  std::vector<float> values(50 * 16);
  for (float& value : values) value = static_cast<float>(rng.normal());
  const Logits logits{.values = values, .experts = 16};
  const Gating plain = sigmoid_topk(logits, 4);
  for (const int groups : {1, 4}) {
    const Gating limited = deepseek_v3(logits, std::vector<float>(16, 0.0F),
                                       {.top_k = 4,
                                        .normalize = true,
                                        .epsilon = 1e-20F,
                                        .limit = {.groups = groups, .kept = groups, .best = 2}});
    EXPECT_EQ(limited.ids, plain.ids);
    EXPECT_EQ(limited.weights, plain.weights);
  }
}

TEST(ScoreRow, KnowsTheSquareRootOfSoftplus) {
  const std::vector<float> logits = {0, 100, -100};
  std::vector<float> scores(3);
  score_row(ScoreFunction::kSqrtSoftplus, logits, scores);
  EXPECT_NEAR(scores[0], std::sqrt(std::log(2.0)), kNear);
  EXPECT_NEAR(scores[1], 10, 1e-5);
  EXPECT_NEAR(scores[2], std::exp(-50.0), 1e-23);
}

}  // namespace
}  // namespace moesim
