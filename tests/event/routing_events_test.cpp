// Events that change routes: failing and pruned experts, a curriculum, another domain.
#include <gmock/gmock.h>

#include "sim/conditioned_routing.hpp"
#include "tests/event/scenario_with_events.hpp"
#include "tests/support/gates.hpp"

namespace moesim {
namespace {

using ::testing::ElementsAre;

const RoutingPlace kPlace{.step = StepId(0), .layer = LayerId(0), .random = Random(1)};

Conditions with_masks(const std::vector<Mask>& masks) {
  Conditions conditions;
  ensure_masks(conditions, 1, static_cast<int>(masks.size()));
  std::copy(masks.begin(), masks.end(), conditions.masks.raw().begin());
  return conditions;
}

using enum Mask;

TEST(MaskedExperts, SendATokenToItsNextBestWhereThereAreLogits) {
  Routing routing = logit_routing({{{9, 8, 7, 1}, {1, 2, 9, 8}}}, 2);
  const MaskedRoutes record =
      apply_after_gate(routing, with_masks({kRedraw, kOpen, kOpen, kOpen}), kPlace);
  EXPECT_THAT(routing.ids, ElementsAre(2, 1, 2, 3));
  EXPECT_EQ(record.redirected, 1);
  EXPECT_THAT(routing.counts.raw(), ElementsAre(0, 1, 2, 1));
}

TEST(MaskedExperts, AreSeenByAGateAsLogitsOfMinusInfinity) {
  Routing routing = logit_routing({{{9, 8, 7, 1}}}, 2);
  apply_before_gate(routing, with_masks({kRedraw, kDrop, kOpen, kOpen}), kPlace);
  EXPECT_THAT(routing.logits, ElementsAre(-INFINITY, 8, 7, 1));
}

TEST(MaskedExperts, LoseTheirRoutesIfToldSo) {
  Routing routing = logit_routing({{{9, 8, 7, 1}, {1, 2, 9, 8}}}, 2);
  const MaskedRoutes record =
      apply_after_gate(routing, with_masks({kDrop, kOpen, kDrop, kOpen}), kPlace);
  EXPECT_THAT(routing.ids, ElementsAre(-1, 1, -1, 3));
  EXPECT_EQ(record.lost, 2);
  EXPECT_THAT(routing.counts.raw(), ElementsAre(0, 1, 0, 1));
}

// 300 routes of 400 tokens to expert 0 go to the others as they are liked, 1 to 3; expert 3 has no
// route, and gets none.
TEST(MaskedExperts, AreReplacedByTheRoutesOfTheOthers) {
  Routing routing{.top_k = 1, .first_token = {0, 400}, .counts = ExpertCounts(1, 4)};
  routing.counts.raw() = {300, 25, 75, 0};
  const MaskedRoutes record =
      apply_after_gate(routing, with_masks({kRedraw, kOpen, kOpen, kOpen}), kPlace);
  EXPECT_EQ(routing.counts.raw()[0], 0);
  EXPECT_EQ(routing.counts.raw()[1] + routing.counts.raw()[2], 400);
  EXPECT_NEAR(routing.counts.raw()[1], 100, 4 * std::sqrt(300 * 0.25 * 0.75));
  EXPECT_EQ(record.redirected, 300);
  EXPECT_EQ(record.lost, 0);
}

// Both tokens have expert 1 already; nobody asks for expert 2, but it is all that is left.
TEST(MaskedExperts, GiveNoTokenAnExpertTwice) {
  Routing routing{.top_k = 2, .first_token = {0, 2}, .ids = {0, 1, 1, 0}};
  routing.counts = count_routes(routing, 3);
  const MaskedRoutes record =
      apply_after_gate(routing, with_masks({kRedraw, kOpen, kOpen}), kPlace);
  EXPECT_THAT(routing.ids, ElementsAre(2, 1, 1, 2));
  EXPECT_EQ(record.redirected, 2);
}

TEST(ExpertFailure, MasksItsExpertsInItsLayersForAWhile) {
  const Scenario scenario = scenario_with_events(
      "[{kind: expert_failure, expert: [1, 5], layer: 2, routes: drop, from: 3, until: 4}]");
  EXPECT_TRUE(conditions_at(scenario, 2).masks.empty());
  const Conditions conditions = conditions_at(scenario, 3);
  EXPECT_TRUE(conditions.masks_of(LayerId(0)).empty());
  EXPECT_EQ(open_experts(conditions.masks_of(LayerId(2))), 62);
  EXPECT_EQ(conditions.masks(LayerId(2), ExpertId(5)), kDrop);
}

TEST(PruneExperts, TakesOutThoseThatNobodyAskedForInTheWindow) {
  const Scenario scenario =
      scenario_with_events("[{kind: prune_experts, at: 4, window: 2, threshold: 0.01}]");
  EventTimeline timeline(scenario);
  for (int step = 0; step < 6; ++step) {
    EXPECT_TRUE(timeline.at(step).masks.empty()) << step;
    ExpertLoad load(4, 64, 1.0);
    for (const LayerId layer : load.row_ids()) {
      load(layer, ExpertId(3)) = 0;
      if (step < 4) load(layer, ExpertId(7)) = 0;  // before the window, in raw steps 4 and 5
    }
    timeline.step_ended(step, load);
  }
  const Conditions& conditions = timeline.at(6);
  EXPECT_EQ(open_experts(conditions.masks_of(LayerId(1))), 63);
  EXPECT_EQ(conditions.masks(LayerId(1), ExpertId(3)), kRedraw);
  EXPECT_EQ(timeline.masked_by_event(4), std::vector<int>{4});
}

// All but the 8 that a token asks for are below a share of 1/2.
TEST(PruneExperts, KeepsWhatATokenAsksFor) {
  const Scenario scenario = scenario_with_events("[{kind: prune_experts, at: 0, threshold: 0.5}]");
  EventTimeline timeline(scenario);
  ExpertLoad load(4, 64);
  for (const LayerId layer : load.row_ids())
    for (const ExpertId expert : load.column_ids()) load(layer, expert) = 1 + expert.value % 40;
  for (const int step : {0, 1}) timeline.step_ended(step, load);
  const auto masks = timeline.at(2).masks_of(LayerId(0));
  EXPECT_EQ(open_experts(masks), 8);
  for (int expert = 32; expert < 40; ++expert)  // the most liked
    EXPECT_EQ(masks[static_cast<std::size_t>(expert)], kOpen);
}

TEST(Curriculum, FollowsItsSteps) {
  const std::string events =
      "[{kind: curriculum, at: [2, 6], top_k: [2, 6], experts: [16, 64], way: ";
  const Scenario steps = scenario_with_events(events + "step}]");
  EXPECT_FALSE(conditions_at(steps, 1).top_k.has_value());
  EXPECT_EQ(conditions_at(steps, 5).top_k, 2);
  EXPECT_EQ(open_experts(conditions_at(steps, 5).masks_of(LayerId(0))), 16);
  EXPECT_EQ(conditions_at(steps, 6).top_k, 6);
  const Scenario line = scenario_with_events(events + "linear}]");
  EXPECT_EQ(conditions_at(line, 4).top_k, 4);
  EXPECT_EQ(open_experts(conditions_at(line, 4).masks_of(LayerId(0))), 40);
  EXPECT_EQ(conditions_at(line, 19).top_k, 6);
}

TEST(Curriculum, WarmsLogitsUpAndAddsNoise) {
  const Scenario scenario = scenario_with_events(
      "[{kind: curriculum, at: [0, 10], temperature: [4, 2], noise: [1, 0], way: linear}]",
      "trace: logits\ngate: topk_then_softmax\n");
  EXPECT_EQ(conditions_at(scenario, 5).temperature, 3);
  EXPECT_EQ(conditions_at(scenario, 5).noise, 0.5);
  Routing routing = logit_routing({{{8, 4}}}, 1);
  apply_before_gate(routing, conditions_at(scenario, 10), kPlace);
  EXPECT_THAT(routing.logits, ElementsAre(4, 2));
}

TEST(Curriculum, KeepsTheFirstRoutesOfAToken) {
  Routing routing = logit_routing({{{9, 8, 7}, {1, 2, 3}}}, 3);
  Conditions conditions;
  conditions.top_k = 2;
  apply_before_gate(routing, conditions, kPlace);
  EXPECT_EQ(routing.top_k, 2);
  EXPECT_THAT(routing.ids, ElementsAre(0, 1, 2, 1));
  EXPECT_THAT(routing.counts.raw(), ElementsAre(1, 2, 1));
}

class DomainChangeTest : public ::testing::Test {
 protected:
  // Routes to each expert of layer 0 in a raw step of a trace with `event`.
  std::vector<std::int64_t> load(const std::string& event, int step,
                                 RoutingDetail detail = RoutingDetail::kCounts) {
    const Scenario scenario = scenario_with_events(
        "[" + event + "]",
        "trace: {kind: zipf, exponent: 1.2, source_spread: 0, step_spread: 0}\n");
    auto trace = Registry<Trace>::make(scenario.trace);
    Mistakes mistakes;
    trace->fit(scenario.model, mistakes);
    trace = EventTimeline(scenario).changed(std::move(trace));
    const std::vector<int> tokens(16, 500);
    const Routing routing = trace->route({.step = StepId(step),
                                          .layer = LayerId(0),
                                          .tokens = tokens,
                                          .detail = detail,
                                          .random = Random(1)});
    EXPECT_EQ(routing.tokens(), 8000);
    const auto counts = expert_load(routing.counts).raw();
    if (routing.has_ids()) {
      EXPECT_EQ(routing.counts, count_routes(routing, 64));
    }
    return {counts.begin(), counts.end()};
  }
};

TEST_F(DomainChangeTest, PutsTheSameLoadsOnOtherExperts) {
  const std::string event = "{kind: domain_change, permute: 1, from: 3}";
  std::vector<std::int64_t> before = load(event, 2 + 2), after = load(event, 2 + 3),
                            without = load("{kind: domain_change, permute: 0, from: 3}", 2 + 3);
  EXPECT_NE(after, without);
  for (std::size_t e = 0; e < after.size(); ++e) EXPECT_NE(after[e], without[e]) << e;
  std::sort(after.begin(), after.end()), std::sort(without.begin(), without.end());
  EXPECT_EQ(after, without);
  EXPECT_EQ(before, load("{kind: domain_change, permute: 0, from: 3}", 2 + 2));
}

// Half way the load is the mean of both, but for chance.
TEST_F(DomainChangeTest, ComesStepByStepIfToldSo) {
  const std::string event = "{kind: domain_change, permute: 1, from: 4, over: 2}";
  for (const RoutingDetail detail : {RoutingDetail::kCounts, RoutingDetail::kIds}) {
    const auto half = load(event, 2 + 4, detail), whole = load(event, 2 + 5, detail),
               none = load(event, 2 + 3, detail);
    for (std::size_t e = 0; e < half.size(); ++e) {
      const double mean = static_cast<double>(none[e] + whole[e]) / 2;
      EXPECT_NEAR(static_cast<double>(half[e]), mean, 6 * std::sqrt(mean) + 10) << e;
    }
  }
}

TEST_F(DomainChangeTest, TakesTokensFromAnotherTraceAndGoesBack) {
  const std::string event = "{kind: domain_change, trace: balanced, from: 1, until: 3}";
  for (const std::int64_t routes : load(event, 2 + 2)) EXPECT_EQ(routes, 1000);
  EXPECT_NE(load(event, 2 + 3)[0], 1000);
  EXPECT_NE(load(event, 2 + 0)[0], 1000);
}

}  // namespace
}  // namespace moesim
