#include "sim/capacity/overflow.hpp"

#include <gmock/gmock.h>

#include <cmath>
#include <numeric>

#include "tests/support/gates.hpp"
#include "tests/support/mistakes.hpp"
#include "tests/support/routings.hpp"

namespace moesim {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::HasSubstr;

struct Place {
  const LayerPlacement* placement = nullptr;
  int shared_experts = 0;
};

Admission admit_at(const std::string& section, const Routing& routing, Place place = {}) {
  const MoeModel model{.name = "test",
                       .experts = routing.experts(),
                       .top_k = routing.top_k,
                       .shared_experts = place.shared_experts};
  return plugin<Capacity>(section)->admit(routing, {.model = model,
                                                    .step = StepId(0),
                                                    .layer = LayerId(0),
                                                    .random = Random(1),
                                                    .placement = place.placement});
}

std::vector<int> ids_of(const Admission& admission) {
  return {admission.routing.ids.begin(), admission.routing.ids.end()};
}

// Four tokens that all like expert 0, and after it expert 2, then 1, then 3. C = 4 · 1 / 4 = 1.
Routing crowd() {
  return logit_routing({std::vector<std::vector<float>>(4, std::vector<float>{9, 2, 5, 1})}, 1);
}

TEST(Overflow, SendsADroppedRouteToTheNextBestExpertWithRoom) {
  const Admission all =
      admit_at("{kind: factor, factor: 1, overflow: next_best, max_tries: 9}", crowd());
  EXPECT_THAT(ids_of(all), ElementsAre(0, 2, 1, 3));
  EXPECT_EQ(all.rerouted_routes, 3);
  EXPECT_EQ(all.dropped_routes, 0);
  const Admission two =
      admit_at("{kind: factor, factor: 1, overflow: next_best, max_tries: 2}", crowd());
  EXPECT_THAT(ids_of(two), ElementsAre(0, 2, 1, -1));
  EXPECT_EQ(two.dropped_tokens, 1);
}

TEST(Overflow, SendsADroppedRouteToTheWidestExpert) {
  EXPECT_THAT(ids_of(admit_at("{kind: factor, factor: 1, overflow: least_loaded}", crowd())),
              ElementsAre(0, 1, 2, 3));
}

// Experts 0 and 1 are on the source's GPU: expert 1 takes one, the rest is dropped.
TEST(Overflow, KeepsADroppedRouteOnItsOwnGpu) {
  const LayerPlacement placement = two_experts_a_gpu(2);
  const Admission admission =
      admit_at("{kind: factor, factor: 1, overflow: local}", crowd(), {.placement = &placement});
  EXPECT_THAT(ids_of(admission), ElementsAre(0, 1, -1, -1));
  EXPECT_EQ(admission.rerouted_routes, 1);
}

TEST(Overflow, NeverGivesATokenAnExpertTwice) {
  // One token of two experts; both are its own already.
  const Routing routing = routing_of({{{0, 1}, {0, 1}}}, 2);
  const Admission admission =
      admit_at("{kind: factor, factor: 0.5, overflow: least_loaded}", routing);
  EXPECT_THAT(ids_of(admission), ElementsAre(0, 1, -1, -1));
}

TEST(Overflow, RaisesTheCapacityToTheLargestNeed) {
  const Admission admission = admit_at(
      "{kind: factor, factor: 1, overflow: no_drop_pad, pad: true, alignment: 3}", crowd());
  EXPECT_EQ(admission.dropped_routes, 0);
  EXPECT_EQ(admission.rows, 4 * 6);  // 4, up to a multiple of 3, for each of four experts
}

TEST(Overflow, LeavesTheTokenToASharedExpert) {
  EXPECT_THAT(ids_of(admit_at("{kind: factor, factor: 1, overflow: shared_only}", crowd(),
                              {.shared_experts = 1})),
              ElementsAre(0, -1, -1, -1));
  EXPECT_THAT(mistake_of([] { admit_at("{kind: factor, overflow: shared_only}", crowd()); }),
              HasSubstr("test has no shared expert"));
}

// Weights 3/4 and 1/4: the second is asked for with chance 1/4 / 1/2.
TEST(Overflow, AsksForSecondChoicesAtRandom) {
  Routing routing = routing_of({std::vector<std::vector<int>>(2000, {0, 1})}, 2);
  for (int token = 0; token < 2000; ++token) {
    routing.weights.push_back(0.75F);
    routing.weights.push_back(0.25F);
  }
  const Admission admission = admit_at(
      "{kind: factor, factor: 9, overflow: second_choice_random, second_threshold: 0.5}", routing);
  EXPECT_EQ(admission.routing.counts.raw()[0], 2000);
  EXPECT_NEAR(admission.routing.counts.raw()[1], 1000, 90);  // four deviations
  routing.weights.clear();
  EXPECT_THAT(
      mistake_of([&] { admit_at("{kind: factor, overflow: second_choice_random}", routing); }),
      HasSubstr("needs the weights"));
}

TEST(Renormalize, DividesTheWeightsOfTheRoutesThatAreLeft) {
  // C = ceil(2 · 2 / 3 · 0.75) = 1: expert 0 keeps the first token only.
  Routing routing = routing_of({{{0, 1}, {0, 2}}}, 3);
  routing.weights = {0.6F, 0.2F, 0.5F, 0.25F};
  const Admission admission = admit_at("{kind: factor, factor: 0.75, renormalize: true}", routing);
  EXPECT_THAT(ids_of(admission), ElementsAre(0, 1, -1, 2));
  EXPECT_NEAR(admission.routing.weights[0], 0.75, 1e-6);
  EXPECT_NEAR(admission.routing.weights[3], 1, 1e-6);
}

TEST(DropRules, KeepTokensAtRandomOrByPriority) {
  Routing routing = routing_of({std::vector<std::vector<int>>(100, {0})}, 2);
  for (int token = 0; token < 100; ++token)
    routing.weights.push_back(static_cast<float>(token) / 100);
  // C = 100 / 2 · 0.2 = 10.
  const Admission priority = admit_at("{kind: factor, factor: 0.2, drop: bpr}", routing);
  for (int token = 0; token < 100; ++token)
    EXPECT_EQ(ids_of(priority)[static_cast<std::size_t>(token)], token >= 90 ? 0 : -1);
  const Admission random = admit_at("{kind: factor, factor: 0.2, drop: rts}", routing);
  EXPECT_EQ(random.routing.counts.raw()[0], 10);
  EXPECT_NE(ids_of(random), ids_of(priority));
  EXPECT_NE(ids_of(random), ids_of(admit_at("{kind: factor, factor: 0.2}", routing)));
}

// Two GPUs of two experts; each takes int(2 tokens of a rank · 2 · 0.75) = 3 routes. GPU 0 is asked
// for six times.
TEST(GpuBudget, LimitsWhatAGpuReceivesFromAllSources) {
  Routing routing = routing_of({{{0, 1}, {0, 1}}, {{1, 0}, {2, 3}}}, 4);
  routing.weights = {0.9F, 0.1F, 0.8F, 0.2F, 0.7F, 0.3F, 0.6F, 0.4F};
  const LayerPlacement placement = two_experts_a_gpu(2);
  EXPECT_THAT(ids_of(admit_at("{kind: factor, scope: gpu, factor: 0.75}", routing,
                              {.placement = &placement})),
              ElementsAre(0, 1, 0, -1, -1, -1, 2, 3));
  EXPECT_THAT(ids_of(admit_at("{kind: factor, drop: device_budget, factor: 0.75, exempt: 0}",
                              routing, {.placement = &placement})),
              ElementsAre(0, -1, 0, -1, 1, -1, 2, 3));
  // Nobody loses anything where all sequences are exempt.
  EXPECT_EQ(admit_at("{kind: factor, drop: device_budget, factor: 0.75, exempt: 1}", routing,
                     {.placement = &placement})
                .dropped_routes,
            0);
}

// Expert 0 is on both GPUs, expert 1 on the first. Each GPU takes 3 of the 6 routes: the first has
// two of expert 0's and one of expert 1's, so that the last token is dropped.
TEST(GpuBudget, CountsAnExpertsRoutesOnItsCopiesInTurn) {
  const LayerPlacement placement =
      make_layer_placement({0, 2, 4},
                           IdVector<SlotId, ExpertId>(std::vector<ExpertId>{
                               ExpertId(0), ExpertId(1), ExpertId(2), ExpertId(0)}),
                           3);
  const Routing routing = routing_of({{{0}, {0}, {0}, {0}}, {{1}, {1}}}, 3);
  EXPECT_THAT(
      ids_of(admit_at("{kind: factor, scope: gpu, factor: 1}", routing, {.placement = &placement})),
      ElementsAre(0, 0, 0, 0, 1, -1));
}

TEST(FactorSettings, RefuseWhatDoesNotGoTogether) {
  const auto mistake = [](const std::string& section) {
    return mistake_of([&] { plugin<Capacity>(section); });
  };
  EXPECT_THAT(mistake("{kind: factor, scope: gpu, overflow: least_loaded}"),
              HasSubstr("overflow least_loaded needs a capacity of each expert"));
  EXPECT_THAT(mistake("{kind: factor, drop: device_budget, scope: rank}"),
              HasSubstr("a device_budget is of each GPU"));
  EXPECT_THAT(mistake("{kind: factor, scope: gpu, formula: tutel, factor: 0}"),
              HasSubstr("factor must be above 0"));
}

TEST(FactorSettings, AskForTokensOnlyWhereARuleLooksAtThem) {
  const auto needs = [](const std::string& section) { return plugin<Capacity>(section)->needs(); };
  EXPECT_EQ(needs("{kind: factor, drop: probs}"), RoutingDetail::kCounts);
  EXPECT_EQ(needs("{kind: factor, drop: bpr}"), RoutingDetail::kIds);
  EXPECT_EQ(needs("{kind: factor, overflow: next_best}"), RoutingDetail::kLogits);
}

TEST(FactorSettings, CautionThatWeightsOfOneExpertAreAllOne) {
  const MoeModel model{.top_k = 1, .score = "post_softmax"};
  EXPECT_THAT(plugin<Capacity>("{kind: factor, drop: probs}")->caution(model), HasSubstr("all 1"));
  EXPECT_EQ(plugin<Capacity>("{kind: factor}")->caution(model), "");
}

}  // namespace
}  // namespace moesim
