#include "sim/step_cache.hpp"

#include <gmock/gmock.h>

#include <cmath>

namespace moesim {
namespace {

using ::testing::Each;
using ::testing::Le;

StepBatch decode(const std::vector<int>& tokens, double context) {
  StepBatch batch;
  for (const int count : tokens)
    batch.ranks.push_back(answers(std::vector<double>(static_cast<std::size_t>(count), context)));
  return batch;
}

// A step whose time is linear in the tokens, and in what the fullest rank attends to.
double linear_time(const StepBatch& batch) {
  double tokens = 0, attended = 0;
  for (const Sequences& own : batch.ranks) {
    double sum = 0;
    for (const Sequence& sequence : own) sum += sequence.new_tokens * sequence.earlier;
    attended = std::max(attended, sum);
    tokens += new_tokens(own);
  }
  return 1e-3 + 1e-5 * tokens + 1e-9 * attended;
}

TEST(StepFeatures, DescribeTheFullestRankOfEachKind) {
  StepBatch batch = decode({4, 2}, 100);
  batch.ranks[1][0].earlier = 700;
  batch.ranks[1].push_back({.new_tokens = 10, .earlier = 3});
  const StepFeatures features = features_of(batch);
  EXPECT_EQ(features.answers.tokens, 6);
  EXPECT_DOUBLE_EQ(features.answers.unevenness, 4.0 / 3);
  EXPECT_DOUBLE_EQ(features.answers.attended, 800);  // rank 1 attends to the most
  EXPECT_EQ(features.prompts.tokens, 10);
  EXPECT_EQ(features.prompts.unevenness, 2);
  EXPECT_DOUBLE_EQ(features.prompts.attended, 10 * (3 + 5));
}

TEST(StepFeatures, ComeBackFromAPlainBatch) {
  StepBatch mixed = decode({4, 2, 3}, 100);
  mixed.ranks[1].push_back({.new_tokens = 500, .earlier = 64});
  for (const StepBatch& batch :
       {decode({4, 2, 3}, 100), mixed,
        StepBatch{.ranks = {prompts(600, {200.0}), prompts(300, {200.0}), {}}}}) {
    const StepFeatures features = features_of(batch);
    const StepFeatures again = features_of(plain_batch(features, 3, 0));
    for (const auto kind : {&StepFeatures::prompts, &StepFeatures::answers}) {
      EXPECT_DOUBLE_EQ((again.*kind).tokens, (features.*kind).tokens);
      EXPECT_DOUBLE_EQ((again.*kind).unevenness, (features.*kind).unevenness);
      EXPECT_NEAR((again.*kind).attended, (features.*kind).attended,
                  0.01 * (features.*kind).attended);
    }
  }
}

TEST(StepFeatures, CountDraftsAsTokensOfTheirAnswer) {
  const StepBatch batch = plain_batch({.answers = {.tokens = 8, .attended = 200}}, 2, 1);
  EXPECT_EQ(batch.ranks[0], answers({50, 50}, 2));
  EXPECT_EQ(batch.ranks[1], answers({50, 50}, 2));
}

TEST(StepCache, IsExactWhereTimesAreLinearAndSimulatesEachCornerOnce) {
  int simulated = 0;
  StepCache cache({.error = 1e-9}, 2, 0, [&](const StepBatch& batch, int) {
    ++simulated;
    return StepCache::Values{linear_time(batch)};
  });
  for (int round = 0; round < 3; ++round)
    for (int tokens = 64; tokens < 128; ++tokens)
      for (const double context : {1100.0, 2000.0, 4000.0}) {
        const StepBatch batch = decode({tokens, tokens}, context);
        EXPECT_NEAR(cache.values(batch, 0).front(), linear_time(batch), 1e-12);
      }
  EXPECT_EQ(cache.record().steps, 3 * 64 * 3);
  // Cells by what is attended to: the triangles of each have four corners, of which neighbours
  // share two; and there are the middles, and the steps 1, 8, 64, ….
  EXPECT_LE(simulated, 40);
  EXPECT_EQ(cache.record().simulated, simulated);
  EXPECT_THAT(cache.record().errors, Each(Le(1e-9)));
}

// Eight bends in a cell: it must be divided until what is left is within the error.
TEST(StepCache, DividesCellsWhereTimesBend) {
  const auto bent = [](const StepBatch& batch) {
    const double tokens = features_of(batch).answers.tokens;
    return 1e-3 * std::sqrt(tokens);
  };
  const auto cache_with = [&](double error) {
    return StepCache({.error = error}, 2, 0,
                     [&](const StepBatch& batch, int) { return StepCache::Values{bent(batch)}; });
  };
  StepCache coarse = cache_with(0.5), fine = cache_with(0.002);
  double worst_coarse = 0, worst_fine = 0;
  for (int tokens = 700; tokens > 128; --tokens) {
    const StepBatch batch = decode({tokens / 2, tokens - tokens / 2}, 0);
    worst_coarse =
        std::max(worst_coarse, std::abs(coarse.values(batch, 0).front() / bent(batch) - 1));
    worst_fine = std::max(worst_fine, std::abs(fine.values(batch, 0).front() / bent(batch) - 1));
  }
  EXPECT_GT(worst_coarse, 0.01);  // a chord over an octave is off by 1.5 % in the middle
  EXPECT_LT(worst_fine, 0.004);
  EXPECT_GT(fine.record().simulated, coarse.record().simulated);
}

// What is summed over the batches that were simulated, each as often as it stands for a step, is
// the sum over the steps.
TEST(StepCache, KnowsHowManyStepsEachSimulatedBatchStandsFor) {
  std::vector<double> simulated;
  StepCache cache({.error = 0.005}, 2, 0, [&](const StepBatch& batch, int) {
    simulated.push_back(std::sqrt(linear_time(batch)));
    return StepCache::Values{simulated.back()};
  });
  double sum = 0;
  for (int tokens = 90; tokens < 200; ++tokens)
    for (const double context : {1100.0, 2000.0})
      sum += cache.values(decode({tokens, tokens / 2}, context), 0).front();
  ASSERT_EQ(cache.stand_for().size(), simulated.size());
  double steps = 0, of_batches = 0;
  for (std::size_t i = 0; i < simulated.size(); ++i) {
    steps += cache.stand_for()[i];
    of_batches += cache.stand_for()[i] * simulated[i];
  }
  EXPECT_LT(simulated.size(), 220U);
  EXPECT_NEAR(steps, 220, 1e-9);
  EXPECT_NEAR(of_batches, sum, 1e-9 * sum);
}

TEST(StepCache, KeepsStatesApartAndAveragesDraws) {
  StepCache cache({.error = 0.01, .draws = 2}, 1, 0, [](const StepBatch&, int draw) {
    return StepCache::Values{draw == 0 ? 1.0 : 3.0};
  });
  EXPECT_EQ(cache.values(decode({4}, 0), 0).front(), 2);
  const int before = cache.record().simulated;
  cache.values(decode({4}, 0), 0);
  EXPECT_EQ(cache.record().simulated, before);
  cache.values(decode({4}, 0), 1);
  EXPECT_GT(cache.record().simulated, before);
}

}  // namespace
}  // namespace moesim
