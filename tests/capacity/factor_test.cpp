#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>

#include "sim/capacity/capacity.hpp"
#include "sim/capacity/capacity_formula.hpp"
#include "tests/support/plugin.hpp"
#include "tests/support/routings.hpp"
#include "tests/support/shared_data.hpp"

namespace moesim {
namespace {

using nlohmann::json;

Admission admit(const std::string& section, Routing routing) {
  const MoeModel model{.experts = routing.experts(), .top_k = routing.top_k};
  return plugin<Capacity>(section)->admit(std::move(routing),
                                          {.model = model, .step = StepId(0), .layer = LayerId(0)});
}

std::vector<int> ids_of(const Routing& routing) { return {routing.ids.begin(), routing.ids.end()}; }

// Four tokens of one rank, two experts, top-1: C = ceil(4 · 1 / 2 · 1) = 2. Expert 0 has three.
Routing three_against_one() { return routing_of({{{0}, {0}, {1}, {0}}}, 2); }

TEST(FactorCapacity, KeepsTheFirstRoutesOfAFullExpert) {
  const Admission admission = admit("{kind: factor, factor: 1}", three_against_one());
  EXPECT_EQ(ids_of(admission.routing), (std::vector<int>{0, 0, 1, -1}));
  EXPECT_EQ(admission.routing.counts.raw(), (std::vector<int>{2, 1}));
  EXPECT_EQ(admission.routes, 4);
  EXPECT_EQ(admission.dropped_routes, 1);
  EXPECT_EQ(admission.dropped_tokens, 1);
  EXPECT_EQ(admission.rows, 3);
}

TEST(FactorCapacity, KeepsTheHighestWeightsOfAFullExpert) {
  Routing routing = three_against_one();
  routing.weights = {0.2F, 0.9F, 0.5F, 0.9F};
  const Admission admission = admit("{kind: factor, factor: 1, drop: probs}", routing);
  EXPECT_EQ(ids_of(admission.routing), (std::vector<int>{-1, 0, 1, 0}));
  EXPECT_EQ(admission.routing.weights, routing.weights);
}

// Top-2, C = 1 each for the 4 routes of 2 tokens over 4 experts. Expert 1 is second choice of token
// 0 and first of token 1.
TEST(FactorCapacity, LetsFirstChoicesInFirstWhenTheyQueueByChoice) {
  const Routing routing = routing_of({{{0, 1}, {1, 2}}}, 4);
  EXPECT_EQ(ids_of(admit("{kind: factor, factor: 1}", routing).routing),
            (std::vector<int>{0, 1, -1, 2}));
  EXPECT_EQ(ids_of(admit("{kind: factor, factor: 1, queue: choices}", routing).routing),
            (std::vector<int>{0, -1, 1, 2}));
  // Without weights, the better choice counts as the larger weight.
  EXPECT_EQ(ids_of(admit("{kind: factor, factor: 1, drop: probs}", routing).routing),
            (std::vector<int>{0, -1, 1, 2}));
}

TEST(FactorCapacity, LimitsEachSourceRankOnItsOwnUnlessTheSystemPoolsThem) {
  const Routing routing = routing_of({{{0}, {0}}, {{1}, {0}}}, 2);
  // Each rank: C = ceil(2/2) = 1.
  EXPECT_EQ(ids_of(admit("{kind: factor, factor: 1}", routing).routing),
            (std::vector<int>{0, -1, 1, 0}));
  // All ranks: C = 2, first come.
  EXPECT_EQ(ids_of(admit("{kind: factor, factor: 1, scope: group}", routing).routing),
            (std::vector<int>{0, 0, 1, -1}));
  EXPECT_EQ(ids_of(admit("{kind: factor, factor: 1, formula: megablocks}", routing).routing),
            (std::vector<int>{0, 0, 1, -1}));
}

TEST(FactorCapacity, CutsCountsWithoutKnowingTheTokens) {
  const Admission admission = admit("{kind: factor, factor: 1}", counts_only(three_against_one()));
  EXPECT_EQ(admission.routing.counts.raw(), (std::vector<int>{2, 1}));
  EXPECT_EQ(admission.dropped_routes, 1);
  EXPECT_EQ(admission.dropped_tokens, -1);
  EXPECT_EQ(admit("{kind: factor, factor: 2}", counts_only(three_against_one())).dropped_tokens, 0);
}

// Expert 0 gets 6 and 3 routes from two ranks of 6 tokens, and takes ceil(12/2 · 1) = 6 of the 9:
// in proportion 4 and 2; in order 6 and 0.
TEST(FactorCapacity, SharesAPooledCutAsItsRuleWould) {
  Routing routing{.top_k = 1, .first_token = {0, 6, 12}, .counts = ExpertCounts(2, 2)};
  routing.counts.raw() = {6, 0, 3, 3};
  EXPECT_EQ(
      admit("{kind: factor, factor: 1, scope: group, drop: probs}", routing).routing.counts.raw(),
      (std::vector<int>{4, 0, 2, 3}));
  EXPECT_EQ(admit("{kind: factor, factor: 1, scope: group}", routing).routing.counts.raw(),
            (std::vector<int>{6, 0, 0, 3}));
}

TEST(FactorCapacity, PadsEveryExpertToItsCapacity) {
  const Admission admission = admit("{kind: factor, factor: 1, pad: true}", three_against_one());
  EXPECT_EQ(admission.padding.raw(), (std::vector<int>{0, 1}));
  EXPECT_EQ(admission.rows, 4);  // 2 experts of 2 rows
}

TEST(FactorCapacity, RefusesAFactorThatDropsEverything) {
  EXPECT_THROW(plugin<Capacity>("{kind: factor, factor: 0}"), InputError);
  EXPECT_THROW(plugin<Capacity>("{kind: factor, factor: -1, formula: megablocks}"), InputError);
  EXPECT_NO_THROW(plugin<Capacity>("{kind: factor, factor: -1, formula: tutel}"));
  EXPECT_THROW(plugin<Capacity>("{kind: factor, pad: true, scope: group}"), InputError);
}

// policies.md section 9, items 3 and 4.
TEST(FactorCapacity, KeepsEveryRouteOnceAndDropsLessTheLargerTheFactor) {
  Rng rng(3, Purpose::kRouting);
  std::vector<std::vector<std::vector<int>>> ids(2);
  for (auto& tokens : ids) {
    for (int token = 0; token < 200; ++token) {
      // Low experts are hot: the smaller of two draws.
      const int first = std::min(rng.below(16), rng.below(16));
      tokens.push_back({first, (first + 1 + rng.below(15)) % 16});
    }
  }
  Routing routing = routing_of(ids, 16);
  for (std::size_t i = 0; i < routing.ids.size(); ++i)
    routing.weights.push_back(static_cast<float>(rng.uniform()));
  for (const char* rule : {"drop: position", "drop: probs", "queue: choices"}) {
    SCOPED_TRACE(rule);
    std::int64_t before = routing.tokens() * 2;
    for (const double factor : {0.5, 0.8, 1.0, 1.5, 4.0, 16.0}) {
      const Admission admission =
          admit("{kind: factor, factor: " + std::to_string(factor) + ", " + rule + "}", routing);
      const auto& counts = admission.routing.counts.raw();
      const int capacity = static_cast<int>(std::ceil(200.0 * 2 / 16 * factor));
      EXPECT_LE(*std::max_element(counts.begin(), counts.end()), capacity);
      EXPECT_EQ(std::accumulate(counts.begin(), counts.end(), 0) + admission.dropped_routes, 800);
      EXPECT_EQ(admission.routing.counts, count_routes(admission.routing, 16));
      EXPECT_LE(admission.dropped_routes, before);
      before = admission.dropped_routes;
    }
    EXPECT_EQ(before, 0);
  }
  std::vector<std::vector<int>> even;
  for (int token = 0; token < 32; ++token) even.push_back({token % 16, (token + 7) % 16});
  EXPECT_EQ(admit("{kind: factor, factor: 1}", routing_of({even}, 16)).dropped_routes, 0);
}

int capacity(const std::string& formula, const CapacityInput& input) {
  return find_capacity_formula(formula)->capacity(input);
}

TEST(CapacityFormula, RoundsAsEachSystemDoes) {
  const CapacityInput input{.tokens = 101, .top_k = 2, .experts = 8, .factor = 1.25};
  EXPECT_EQ(capacity("megatron", input), 32);  // ceil(31.5625)
  EXPECT_EQ(capacity("deepspeed", input), 32);
  EXPECT_EQ(capacity("tutel", input), 32);       // 2 · int(1.25 · 13 = 16.25)
  EXPECT_EQ(capacity("mesh_tf", input), 15);     // int(15.78), no factor k
  EXPECT_EQ(capacity("flaxformer", input), 16);  // round(15.78)
  EXPECT_EQ(capacity("vmoe", input), 32);        // 32 is a multiple of 4
  EXPECT_EQ(capacity("megablocks", input), 31);
  EXPECT_EQ(capacity("fastmoe_gshard", input), 31);  // ceil(126.25) · 2 div 8 = 254 div 8
  EXPECT_EQ(capacity("fastmoe_switch", input), 16);
  EXPECT_EQ(capacity("switch", input), 16);
}

TEST(CapacityFormula, FollowsTheNeedWhereTutelAndMegablocksSaySo) {
  CapacityInput input{.tokens = 16, .top_k = 2, .experts = 4, .factor = 0, .largest_need = 10};
  EXPECT_EQ(capacity("tutel", input), 10);
  EXPECT_EQ(capacity("megablocks", input), 10);
  input.factor = -1;
  EXPECT_EQ(capacity("tutel", input), 8);
  input.largest_need = 5;
  input.alignment = 4;
  EXPECT_EQ(capacity("tutel", input), 8);  // 5, up to a multiple of 4
}

TEST(CapacityFormula, MatchesTheGoldenTable) {
  MOESIM_NEEDS_SHARED(path, "gating_golden.json");
  const std::vector<std::pair<std::string, std::string>> columns = {
      {"megatron", "megatron"},
      {"deepspeed", "deepspeed"},
      {"tutel", "tutel"},
      {"mesh_tf", "mesh_tf"},
      {"flaxformer", "flaxformer"},
      {"vmoe", "vmoe"},
      {"megablocks", "megablocks"},
      {"fastmoe_gshard_1worker", "fastmoe_gshard"},
      {"fastmoe_switch", "fastmoe_switch"}};
  const auto golden = json::parse(std::ifstream(path));
  for (const auto& test_case : golden["cases"]) {
    if (test_case["name"] != "capacity_formula_table") continue;
    for (const auto& row : test_case["expected"]["rows"]) {
      for (const auto& [column, name] : columns) {
        // Without a given minimum, DeepSpeed's column has none.
        const int by_default =
            name == "deepspeed" ? 0 : find_capacity_formula(name)->default_minimum;
        const int minimum =
            row["min_capacity"].is_null() ? by_default : row["min_capacity"].get<int>();
        const CapacityInput input{.tokens = row["tokens"],
                                  .top_k = row["topk"],
                                  .experts = row["experts"],
                                  .factor = row["capacity_factor"],
                                  .minimum = minimum};
        EXPECT_EQ(capacity(name, input), row[column].get<int>()) << name << " of " << row;
      }
    }
  }
}

// Top-k of the logits with softmax weights, over the chosen ones or over all.
Routing routing_from(const json& logits, int top_k, bool softmax_first) {
  std::vector<std::vector<int>> ids;
  std::vector<float> weights;
  for (const auto& row : logits) {
    const auto z = row.get<std::vector<float>>();
    std::vector<int> order(z.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
      return z[static_cast<std::size_t>(a)] > z[static_cast<std::size_t>(b)];
    });
    double sum = 0;
    for (std::size_t i = 0; i < (softmax_first ? z.size() : static_cast<std::size_t>(top_k)); ++i)
      sum += std::exp(static_cast<double>(z[static_cast<std::size_t>(order[i])]));
    order.resize(static_cast<std::size_t>(top_k));
    for (const int e : order)
      weights.push_back(
          static_cast<float>(std::exp(static_cast<double>(z[static_cast<std::size_t>(e)])) / sum));
    ids.push_back(order);
  }
  Routing routing = routing_of({ids}, static_cast<int>(logits[0].size()));
  routing.weights = weights;
  return routing;
}

TEST(FactorCapacity, MatchesTheGoldenCasesOfMegatron) {
  MOESIM_NEEDS_SHARED(path, "gating_golden.json");
  int cases = 0;
  const auto golden = json::parse(std::ifstream(path));
  for (const auto& test_case : golden["cases"]) {
    const json& params = test_case["params"];
    if (params["policy"] != "capacity_drop") continue;
    SCOPED_TRACE(test_case["name"].get<std::string>());
    ++cases;
    const Routing routing =
        routing_from(test_case["inputs"]["logits"], params["topk"], params["use_pre_softmax"]);
    const bool pad = params["pad_to_capacity"];
    const Admission admission = admit("{kind: factor, factor: " + params["capacity_factor"].dump() +
                                          ", drop: " + params["drop_policy"].get<std::string>() +
                                          ", pad: " + (pad ? "true" : "false") + "}",
                                      routing);
    const json& expected = test_case["expected"];
    EXPECT_EQ(routing.counts.raw(), expected["tokens_per_expert_before"].get<std::vector<int>>());
    EXPECT_EQ(
        admission.routing.counts.raw(),
        expected[pad ? "real_tokens_after" : "tokens_per_expert_after"].get<std::vector<int>>());
    std::vector<std::vector<int>> dropped;
    for (std::size_t i = 0; i < routing.ids.size(); ++i)
      if (admission.routing.ids[i] < 0)
        dropped.push_back({static_cast<int>(i) / routing.top_k, routing.ids[i]});
    std::sort(dropped.begin(), dropped.end());
    EXPECT_EQ(dropped, expected["dropped"].get<std::vector<std::vector<int>>>());
    if (!pad) continue;
    EXPECT_EQ(admission.rows, expected["expert_capacity"].get<int>() * routing.experts());
  }
  EXPECT_EQ(cases, 7);
}

}  // namespace
}  // namespace moesim
