#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "sim/trace/trace.hpp"
#include "tests/support/plugin.hpp"

namespace moesim {
namespace {

using ::testing::Each;

MoeModel model_of(int experts, int top_k, int layers) {
  MoeModel model{.name = "test", .layers = layers, .experts = experts, .top_k = top_k};
  for (int layer = 0; layer < layers; ++layer) model.moe_layers.push_back(layer);
  return model;
}

std::unique_ptr<Trace> logit_trace(const std::string& parameters, const MoeModel& model) {
  auto trace = plugin<Trace>("{kind: logits, " + parameters + "}");
  Mistakes mistakes;
  trace->fit(model, mistakes);
  mistakes.throw_if_any();
  return trace;
}

Routing route(const Trace& trace, const std::vector<int>& tokens, int step = 0, int layer = 0,
              int seed = 1) {
  return trace.route({.step = StepId(step),
                      .layer = LayerId(layer),
                      .tokens = tokens,
                      .detail = RoutingDetail::kLogits,
                      .random = Random(static_cast<std::uint64_t>(seed))});
}

double correlation(std::span<const float> a, std::span<const float> b) {
  double sum_a = 0, sum_b = 0, aa = 0, bb = 0, ab = 0;
  const auto n = static_cast<double>(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    sum_a += a[i];
    sum_b += b[i];
    aa += a[i] * a[i];
    bb += b[i] * b[i];
    ab += a[i] * b[i];
  }
  return (ab - sum_a * sum_b / n) / std::sqrt((aa - sum_a * sum_a / n) * (bb - sum_b * sum_b / n));
}

constexpr const char* kPlain = "popularity: 0, topic_strength: 0, domain_shift: 0, noise: 0";

TEST(LogitTrace, HasTheExpertsOfItsLargestLogits) {
  const auto trace = logit_trace("noise: 2", model_of(16, 4, 2));
  const Routing routing = route(*trace, {40, 0, 7});
  ASSERT_EQ(routing.logits.size(), 47u * 16);
  for (int token = 0; token < 47; ++token) {
    const float* row = routing.logits.data() + token * 16;
    const auto ids = routing.ids_of(token);
    for (int expert = 0; expert < 16; ++expert) {
      const bool chosen = std::find(ids.begin(), ids.end(), expert) != ids.end();
      EXPECT_TRUE(chosen || row[expert] <= row[ids[3]]);
    }
    float sum = 0;
    for (int i = 0; i < 4; ++i) sum += routing.weights[static_cast<std::size_t>(token * 4 + i)];
    EXPECT_NEAR(sum, 1, 1e-5);
  }
  EXPECT_EQ(routing.counts, count_routes(routing, 16));
}

TEST(LogitTrace, SendsAllTokensAlikeWhereOnlyPopularityCounts) {
  const auto trace = logit_trace("popularity: 1, topic_strength: 0, domain_shift: 0, noise: 0",
                                 model_of(16, 2, 2));
  const Routing routing = route(*trace, {50});
  for (int token = 1; token < 50; ++token)
    EXPECT_TRUE(std::equal(routing.ids_of(token).begin(), routing.ids_of(token).end(),
                           routing.ids_of(0).begin()));
  // The same in another step, others in another layer or for another seed.
  EXPECT_EQ(route(*trace, {50}, 3).ids, routing.ids);
  EXPECT_NE(route(*trace, {50}, 0, 1).ids, routing.ids);
  EXPECT_NE(route(*trace, {50}, 0, 0, 2).ids, routing.ids);
}

// Requests of 10 tokens and 1000 domains: the logits change where a request ends.
TEST(LogitTrace, GivesARequestOneDomain) {
  const std::string parameters =
      "popularity: 0, topic_strength: 0, domain_shift: 1, noise: 0, domains: 1000, "
      "request_tokens: 10";
  const auto differs = [](const Routing& routing, int a, int b) {
    return !std::equal(routing.logits.begin() + a * 8, routing.logits.begin() + (a + 1) * 8,
                       routing.logits.begin() + b * 8);
  };
  const Routing stretches = route(*logit_trace(parameters, model_of(8, 2, 1)), {25});
  for (int token = 1; token < 25; ++token)
    EXPECT_EQ(differs(stretches, token - 1, token), token % 10 == 0) << token;
  // Rows: each is a request of its own, and the same one for 10 steps.
  const auto rows = logit_trace(parameters + ", requests: rows", model_of(8, 2, 1));
  EXPECT_TRUE(differs(route(*rows, {25}), 0, 1));
  EXPECT_EQ(route(*rows, {25}, 9).logits, route(*rows, {25}, 0).logits);
  EXPECT_NE(route(*rows, {25}, 10).logits, route(*rows, {25}, 0).logits);
}

// Alike but for the numbering of the experts: sorted, a token's logits are the same in all layers.
TEST(LogitTrace, CarriesATokensOwnPartFromLayerToLayer) {
  const auto sorted = [](Routing routing) {
    for (std::size_t token = 0; token < 20; ++token)
      std::sort(routing.logits.begin() + static_cast<std::ptrdiff_t>(token * 16),
                routing.logits.begin() + static_cast<std::ptrdiff_t>((token + 1) * 16));
    return routing.logits;
  };
  const std::string rest = "popularity: 0, topic_strength: 0, domain_shift: 0, noise: 1";
  const auto all = logit_trace(rest + ", correlation: 1", model_of(16, 2, 2));
  EXPECT_EQ(sorted(route(*all, {20}, 0, 0)), sorted(route(*all, {20}, 0, 1)));
  EXPECT_NE(route(*all, {20}, 0, 0).logits, route(*all, {20}, 0, 1).logits);
  const auto none = logit_trace(rest + ", correlation: 0", model_of(16, 2, 2));
  EXPECT_NEAR(correlation(route(*none, {500}, 0, 0).logits, route(*none, {500}, 0, 1).logits), 0,
              0.05);
}

// Two tokens of one topic have the same logits; a mixture of many topics is in between.
TEST(LogitTrace, MixesTopics) {
  const std::string rest = "popularity: 0, domain_shift: 0, noise: 0, topic_strength: 1";
  const Routing one = route(*logit_trace(rest + ", topics: 1", model_of(8, 2, 1)), {30});
  for (std::size_t i = 8; i < one.logits.size(); ++i) ASSERT_EQ(one.logits[i], one.logits[i % 8]);
  const Routing many = route(*logit_trace(rest + ", topics: 4", model_of(8, 2, 1)), {30});
  EXPECT_NE(many.logits[0], many.logits[8]);
}

// A source's tokens do not depend on who else is there.
TEST(LogitTrace, DrawsEachSourceOnItsOwn) {
  const auto trace = logit_trace("noise: 1", model_of(8, 2, 1));
  const Routing both = route(*trace, {10, 20}), second = route(*trace, {0, 20});
  EXPECT_TRUE(std::equal(second.logits.begin(), second.logits.end(), both.logits.begin() + 10 * 8));
}

TEST(LogitTrace, ProfilesASampleOfItsTokens) {
  const auto trace = logit_trace("popularity: 1", model_of(16, 2, 1));
  const std::vector<int> tokens(4, 10000);
  const ExpertLoad load = trace->profile(4, tokens, Random(1));
  double total = 0;
  for (const double value : load.raw()) total += value;
  EXPECT_NEAR(total, 4.0 * 40000 * 2, 1e-3);
  // Which expert is hot is the same as in the replayed steps.
  const Routing routing = route(*trace, {2000, 2000, 2000, 2000});
  const auto replayed = expert_load(routing.counts).raw();
  EXPECT_EQ(std::max_element(load.raw().begin(), load.raw().end()) - load.raw().begin(),
            std::max_element(replayed.begin(), replayed.end()) - replayed.begin());
}

TEST(LogitTrace, IsEvenWithoutAnything) {
  EXPECT_THAT(route(*logit_trace(kPlain, model_of(8, 2, 1)), {5}).logits, Each(0));
}

}  // namespace
}  // namespace moesim
