// Each policy's predictions, worked out by hand.
#include <gmock/gmock.h>

#include "sim/prefetch/prefetch.hpp"
#include "tests/support/plugin.hpp"
#include "tests/support/routings.hpp"

namespace moesim {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// "layer.expert"
std::vector<std::string> names(const std::vector<Prediction>& predictions) {
  std::vector<std::string> names;
  for (const Prediction& each : predictions)
    names.push_back(std::to_string(each.layer.value) + "." + std::to_string(each.expert.value));
  return names;
}

// One token on one GPU that asks for these experts in `layer` of three.
std::vector<Prediction> predict(Prefetch& policy, int layer, const std::vector<int>& experts,
                                int of = 3) {
  const Routing routing = routing_of({{experts}}, of);
  return policy.predict(
      {.step = StepId(0), .layer = LayerId(layer), .layers = 3, .routing = routing});
}

TEST(NoPrefetch, PredictsNothing) {
  const auto policy = plugin<Prefetch>("none");
  EXPECT_TRUE(policy->idle());
  EXPECT_THAT(predict(*policy, 0, {0}), IsEmpty());
}

TEST(NextLayerAll, NamesAllExpertsOfTheNextLayersOfTheStep) {
  const auto one = plugin<Prefetch>("next_layer_all");
  EXPECT_THAT(names(predict(*one, 0, {2}, 2 + 1)), ElementsAre("1.0", "1.1", "1.2"));
  const auto two = plugin<Prefetch>("{kind: next_layer_all, depth: 2}");
  EXPECT_THAT(names(predict(*two, 1, {0})), ElementsAre("2.0", "2.1", "2.2"));
  EXPECT_THAT(predict(*two, 2, {0}), IsEmpty());
}

// What `accuracy` makes of 1000 routes of each layer to the expert of the layer's number.
std::vector<Prediction> look_ahead(const std::string& section, int layer) {
  const auto policy = plugin<Prefetch>(section);
  const Routing routing = routing_of({{{0}}}, 3);
  return policy->predict({.step = StepId(0),
                          .layer = LayerId(layer),
                          .layers = 3,
                          .routing = routing,
                          .gate_of =
                              [](LayerId later) {
                                ExpertCounts counts(1, 3);
                                counts(GpuId(0), ExpertId(later.value)) = 1000;
                                return counts;
                              },
                          .random = Random(7)});
}

TEST(GateLookahead, IsRightAlwaysOrNever) {
  EXPECT_THAT(names(look_ahead("{kind: gate_lookahead, accuracy: 1, depth: 2}", 0)),
              ElementsAre("1.1", "2.2"));
  const auto wrong = look_ahead("{kind: gate_lookahead, accuracy: 0}", 0);
  ASSERT_EQ(wrong.size(), 2u);
  for (const Prediction& each : wrong) EXPECT_NE(each.expert, ExpertId(1));
  // The two others are equally likely: four standard deviations of 1000 draws are 63.
  EXPECT_NEAR(wrong[0].score, 500, 64);
}

TEST(GateLookahead, IsRightWithItsAccuracyToThePowerOfTheDistance) {
  const auto guesses = look_ahead("{kind: gate_lookahead, accuracy: 0.8, depth: 2}", 0);
  // The right ones are by far the likeliest of their layers: first.
  ASSERT_EQ(guesses.size(), 6u);
  EXPECT_EQ(guesses[0].expert, ExpertId(1));
  EXPECT_NEAR(guesses[0].score, 800, 51);
  EXPECT_EQ(guesses[3].expert, ExpertId(2));
  EXPECT_NEAR(guesses[3].score, 640, 61);
}

TEST(TransitionPrefetch, FollowsThePairsOfTheWindow) {
  const auto policy = plugin<Prefetch>("{kind: transition, depth: 2}");
  EXPECT_TRUE(policy->needs().transitions);
  PrefetchProfile profile;
  profile.transitions = IdVector<LayerId, ExpertPairs>(2, ExpertPairs(3, 3));
  ExpertPairs &first = profile.transitions[LayerId(0)], &second = profile.transitions[LayerId(1)];
  first(ExpertId(0), ExpertId(1)) = 3, first(ExpertId(0), ExpertId(2)) = 1;
  first(ExpertId(1), ExpertId(2)) = 5;
  second(ExpertId(1), ExpertId(0)) = 1;
  second(ExpertId(2), ExpertId(2)) = 1;
  policy->learn(profile);
  // From 0: 3/4 to 1, 1/4 to 2. From 1: all to 2. Of expert 2 nothing is known.
  const auto both = predict(*policy, 0, {0, 1});
  EXPECT_THAT(names(both), ElementsAre("1.2", "1.1", "2.2", "2.0"));
  EXPECT_DOUBLE_EQ(both[0].score, 1.25);
  EXPECT_DOUBLE_EQ(both[1].score, 0.75);
  EXPECT_DOUBLE_EQ(both[2].score, 1.25);
  EXPECT_THAT(predict(*policy, 0, {2}), IsEmpty());
}

TEST(PopularityPrefetch, NamesTheMostUsedFirst) {
  const auto policy = plugin<Prefetch>("popularity");
  EXPECT_TRUE(policy->needs().load);
  PrefetchProfile profile{.load = ExpertLoad(3, 3)};
  profile.load(LayerId(1), ExpertId(0)) = 2;
  profile.load(LayerId(1), ExpertId(2)) = 7;
  policy->learn(profile);
  EXPECT_THAT(names(predict(*policy, 0, {0})), ElementsAre("1.2", "1.0"));
}

// Two past sequences: the one that uses expert 0 first goes on with 1 (thrice) and 2, the one that
// uses expert 1 first goes on with 0.
std::unique_ptr<Prefetch> eam() {
  auto policy = plugin<Prefetch>("{kind: eam, depth: 2, sequences: 2, sequence_steps: 4}");
  std::vector<ExpertLoad> past(2, ExpertLoad(3, 3));
  past[0](LayerId(0), ExpertId(0)) = 4;
  past[0](LayerId(1), ExpertId(1)) = 3, past[0](LayerId(1), ExpertId(2)) = 1;
  past[0](LayerId(2), ExpertId(2)) = 4;
  past[1](LayerId(0), ExpertId(1)) = 4;
  past[1](LayerId(1), ExpertId(0)) = 4;
  past[1](LayerId(2), ExpertId(0)) = 4;
  policy->learn({.sequences = past});
  return policy;
}

TEST(EamPrefetch, TakesTheMostSimilarPastSequence) {
  const auto policy = eam();
  EXPECT_EQ(policy->needs().sequences, 2);
  EXPECT_EQ(policy->needs().sequence_steps, 4);
  const auto like_first = predict(*policy, 0, {0});
  EXPECT_EQ(names(like_first)[0], "1.1");
  // Three uses, one layer ahead of three: 3 · (1 − 1/4).
  EXPECT_NEAR(like_first[0].score, 2.25, 1e-7);
  const auto other = eam();
  const auto like_second = predict(*other, 0, {1});
  EXPECT_EQ(names(like_second)[0], "1.0");
}

TEST(EamPrefetch, RemembersWhatTheSequenceUsedBefore) {
  // Layer 0 alone looks like the first sequence as much as like the second; layer 1 decides.
  const auto policy = eam();
  predict(*policy, 0, {0, 1});
  EXPECT_EQ(names(predict(*policy, 1, {0}))[0], "2.0");
  const auto other = eam();
  predict(*other, 0, {0, 1});
  EXPECT_EQ(names(predict(*other, 1, {1}))[0], "2.2");
}

TEST(Ranked, SortsByLayerThenScoreThenExpert) {
  EXPECT_THAT(names(ranked({{LayerId(2), ExpertId(0), 9},
                            {LayerId(1), ExpertId(2), 1},
                            {LayerId(1), ExpertId(1), 1},
                            {LayerId(1), ExpertId(0), 0},
                            {LayerId(1), ExpertId(3), 2}})),
              ElementsAre("1.3", "1.1", "1.2", "2.0"));
}

}  // namespace
}  // namespace moesim
