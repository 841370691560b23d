// Plans on steps in closed form, with winners worked out by hand.
#include "analysis/plan/plan.hpp"

#include <gmock/gmock.h>

#include "analysis/plan/plan_text.hpp"
#include "tests/plan/fake_steps.hpp"

namespace moesim {
namespace {

using ::testing::HasSubstr;

// 25,000 output tokens/s in at most 51 ms a token, on A ($1) and B ($3 a GPU-hour), 8 GPUs a node.
PlanQuestion two_clusters() {
  PlanQuestion question{.name = "two"};
  question.workload = {.output = 25000,
                       .input = 250000,
                       .requests = 250,
                       .prompt = 1000,
                       .answer = 100,
                       .growth = {2, 100}};
  question.targets = {.tpot = Seconds(0.051)};
  question.clusters = {
      {.name = "A", .max_nodes = 64, .gpu_hour = 1, .gpu_watts = 700, .node_watts = 1000},
      {.name = "B", .max_nodes = 64, .gpu_hour = 3}};
  question.decode = {.nodes = {1}, .policies = {{.name = "linear"}}};
  question.prefill.planned = false;
  return question;
}

// A decodes in 10 ms + 0.5 ms a sequence, B in 10 ms + 0.25 ms; both compute prompts in 50 ms +
// 100 ms a prompt. Twice the skew makes steps 1.25 times as long.
double seconds(const StepQuery& query) {
  const double skewed = query.conditions.skew == 2 ? 1.25 : 1;
  if (query.option.pool == PlanPoolKind::kPrefill) return skewed * (0.05 + 0.1 * query.batch);
  return skewed * (0.01 + (query.option.cluster == 0 ? 0.0005 : 0.00025) * query.batch);
}

struct Planned {
  explicit Planned(PlanQuestion asked) : question(std::move(asked)), source(question) {
    source.seconds = seconds;
  }
  PlanAnswer answer() { return make_plan(question, source); }
  PlanQuestion question;
  FakeSteps source;
};

// A: 80 sequences in 50 ms, 12,800 tokens/s a node, so two nodes. B: 160 in 50 ms, one node.
TEST(Plan, FindsTheSmallestAndTheCheapest) {
  Planned plan(two_clusters());
  const PlanAnswer answer = plan.answer();
  ASSERT_TRUE(answer.cheapest && answer.smallest);
  const Deployment& a = answer.deployments[*answer.cheapest];
  EXPECT_EQ(a.cluster, 0u);
  EXPECT_EQ(a.decode.point.batch, 80);
  EXPECT_EQ(a.nodes, 2);
  EXPECT_NEAR(a.decode.capacity, 25600, 1e-6);
  EXPECT_NEAR(a.headroom, 0.024, 1e-9);
  EXPECT_NEAR(a.dollars_per_hour, 16, 1e-9);
  EXPECT_NEAR(a.dollars_per_million, 16.0 / 90, 1e-9) << "90 million tokens an hour";
  EXPECT_NEAR(a.dollars_per_million_full, 16.0 / 92.16, 1e-9);
  EXPECT_NEAR(a.kwh_per_million, (16 * 0.7 + 2 * 1.0) / 90, 1e-9);
  const Deployment& b = answer.deployments[*answer.smallest];
  EXPECT_EQ(b.cluster, 1u);
  EXPECT_EQ(b.decode.point.batch, 160);
  EXPECT_EQ(b.nodes, 1);
  EXPECT_NEAR(b.dollars_per_hour, 24, 1e-9);
  EXPECT_THAT(answer_sentence(plan.question, answer),
              HasSubstr("cheapest: 2 nodes of A (16 GPUs)"));
}

// Kernels slower by a tenth: 72 sequences in 50.6 ms, 11,383 tokens/s, three nodes; faster: 88 in
// 48.6 ms, still two.
TEST(Plan, SaysHowFirmTheAnswerIs) {
  Planned plan(two_clusters());
  const PlanAnswer answer = plan.answer();
  const Deployment& a = answer.deployments[*answer.cheapest];
  ASSERT_TRUE(a.band && a.band->high);
  EXPECT_EQ(a.band->low, 2);
  EXPECT_EQ(*a.band->high, 3);
  EXPECT_EQ(firmness_text(a), "2 nodes; 2 to 3 within the calibration's ±10.0 %");
  // A may come to 24 dollars, as many as B.
  EXPECT_THAT(rivals_text(plan.question, answer), HasSubstr("may be another: B"));
}

TEST(Plan, LooksAtOtherWorlds) {
  Planned plan(two_clusters());
  const PlanAnswer answer = plan.answer();
  const auto what_if = [&](const std::string& name) {
    for (const WhatIf& one : answer.what_ifs)
      if (one.name == name && one.deployment == *answer.cheapest) return one;
    return WhatIf{.why_not = "nobody looked"};
  };
  // 56 sequences in 47.5 ms: 9,432 tokens/s a node.
  const WhatIf skew = what_if("skew doubles");
  EXPECT_NEAR(skew.share, 2 * 56 * 8 / 0.0475 / 25000, 1e-9);
  EXPECT_EQ(skew.nodes, 3);
  const WhatIf lost = what_if("a decode node is lost");
  EXPECT_NEAR(lost.share, 0.512, 1e-9);
  EXPECT_EQ(lost.nodes, 3) << "a spare instance";
  EXPECT_NEAR(what_if("NICs halve").share, 1.024, 1e-9) << "nothing here goes through NICs";
}

TEST(Plan, GrowsUntilNoClusterIsLargeEnough) {
  Planned plan(two_clusters());
  const PlanAnswer answer = plan.answer();
  ASSERT_EQ(answer.growth.size(), 2u);
  EXPECT_EQ(answer.growth[0].cluster, 0u);
  EXPECT_EQ(answer.growth[0].nodes, 4);
  EXPECT_NEAR(answer.growth[0].dollars_per_hour, 32, 1e-9);
  EXPECT_EQ(answer.growth[1].cluster, std::nullopt) << "A would need 196 nodes, B 98";
}

// Steps of 6 prompts take 0.65 s, and the first token one and a half of them: 73,846 tokens/s a
// node, four nodes for 250,000.
TEST(Plan, SizesPrefillApart) {
  PlanQuestion question = two_clusters();
  question.prefill = {.nodes = {1}, .policies = {{.name = "linear"}}};
  question.targets.ttft = Seconds(1);
  question.clusters.pop_back();
  Planned plan(question);
  const PlanAnswer answer = plan.answer();
  const Deployment& a = answer.deployments[*answer.cheapest];
  ASSERT_TRUE(a.prefill.has_value());
  EXPECT_EQ(a.prefill->point.batch, 6);
  EXPECT_NEAR(a.prefill->point.latency.value, 0.975, 1e-9);
  EXPECT_EQ(a.prefill->instances, 4);
  EXPECT_EQ(a.nodes, 6);
}

// With 1.8 tokens a step, 160 sequences in 90 ms are 50 ms a token, and 25,600 tokens/s a node.
TEST(Plan, CountsTheTokensThatDraftsAddToAStep) {
  PlanQuestion question = two_clusters();
  question.clusters.pop_back();
  Planned plan(question);
  plan.source.yield = 1.8;
  const PlanAnswer answer = plan.answer();
  const Deployment& a = answer.deployments[*answer.cheapest];
  EXPECT_EQ(a.decode.point.batch, 160);
  EXPECT_NEAR(a.decode.point.latency.value, 0.05, 1e-12);
  EXPECT_NEAR(a.decode.capacity, 25600, 1e-6);
  EXPECT_EQ(a.nodes, 1);
}

TEST(Plan, NamesTheNearestMissWhereNothingIsFastEnough) {
  PlanQuestion question = two_clusters();
  question.targets.tpot = Seconds(0.005);
  Planned plan(question);
  const PlanAnswer answer = plan.answer();
  EXPECT_FALSE(answer.cheapest || answer.smallest);
  ASSERT_EQ(answer.misses.size(), 2u);
  EXPECT_EQ(answer.misses[0].cluster, 1u);
  EXPECT_NEAR(answer.misses[0].ratio, 10.25 / 5, 1e-9);
  EXPECT_THAT(answer.misses[0].text, HasSubstr("a token takes 10.2 ms, 5.00 ms are asked for"));
  EXPECT_THAT(answer.misses[0].mend, HasSubstr("a target of 10.2 ms"));
}

TEST(Plan, SaysHowMuchOfTheWorkloadFitsIntoTheNodesThereAre) {
  PlanQuestion question = two_clusters();
  question.clusters.pop_back();
  question.clusters[0].max_nodes = 1;
  Planned plan(question);
  const PlanAnswer answer = plan.answer();
  EXPECT_FALSE(answer.cheapest);
  ASSERT_EQ(answer.misses.size(), 1u);
  EXPECT_EQ(answer.misses[0].text, "A: 2 nodes are needed, 1 there are at most");
  EXPECT_EQ(answer.misses[0].mend, "max_nodes: 2, or 51.2 % of the workload");
}

TEST(Plan, LeavesOutWhatDoesNotFitIntoMemory) {
  Planned plan(two_clusters());
  plan.source.room = [](const PlanOption& option) { return option.cluster == 0 ? 0 : 512; };
  const PlanAnswer answer = plan.answer();
  EXPECT_EQ(answer.deployments.size(), 1u);
  ASSERT_EQ(answer.misses.size(), 1u);
  EXPECT_EQ(answer.misses[0].ratio, 1.5);
  EXPECT_EQ(answer.misses[0].mend, "take more nodes");
  for (const StepQuery& query : plan.source.asked) EXPECT_EQ(query.option.cluster, 1u);
}

// Of eight sizes that are alike but for how many nodes they take at a time, the analytic bound
// leaves those that may need the fewest, and those that yield most.
TEST(Plan, SimulatesFewStepsWithTheFullNetwork) {
  PlanQuestion question = two_clusters();
  question.clusters.pop_back();
  question.decode.nodes = {1, 2, 3, 4, 5, 6, 7, 8};
  Planned plan(question);
  const PlanAnswer answer = plan.answer();
  EXPECT_EQ(answer.deployments[0].nodes, 2);
  int decided = 0, screening = 0;
  for (const Candidate& candidate : answer.candidates)
    decided += candidate.state == OptionState::kDecided ? 1 : 0;
  EXPECT_LE(decided, 3);
  for (const StepQuery& query : plan.source.asked) screening += query.screening ? 1 : 0;
  EXPECT_LE(screening, 8 * 7);
}

TEST(Plan, HasAFrontOnWhichFasterIsDearer) {
  Planned plan(two_clusters());
  std::map<std::size_t, ParetoPoint> before;
  int points = 0;
  for (const ParetoPoint& point : plan.answer().pareto) {
    if (!point.front) continue;
    ++points;
    const auto known = before.find(point.option.cluster);
    if (known != before.end()) {
      EXPECT_GT(point.latency, known->second.latency);
      EXPECT_GT(point.tokens_per_s_per_gpu, known->second.tokens_per_s_per_gpu);
    }
    before[point.option.cluster] = point;
  }
  EXPECT_GE(points, 12) << "six batches of each cluster at least";
}

}  // namespace
}  // namespace moesim
