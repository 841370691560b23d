// How many destinations tokens reach: exact from ids, expected from counts.
#include "sim/exchange/reach.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "sim/exchange/conditional_poisson.hpp"
#include "sim/placement/placement_policy.hpp"
#include "tests/support/clusters.hpp"
#include "tests/support/fake_cost.hpp"
#include "tests/support/plugin.hpp"
#include "tests/support/routings.hpp"

namespace moesim {
namespace {

double choose(int n, int k) {
  double result = 1;
  for (int i = 0; i < k; ++i) result *= static_cast<double>(n - i) / (k - i);
  return result;
}

// Odds 1, 2, 3, two draws: sets {0,1}, {0,2}, {1,2} have weights 2, 3, 6 of 11.
TEST(ConditionalPoissonDraw, GivesBackTheDesignThatItsInclusionsBelongTo) {
  const ConditionalPoisson draw(std::vector<double>{5.0 / 11, 8.0 / 11, 9.0 / 11}, 2);
  const auto none = [&](std::vector<Mark> marks) { return draw.none_marked(marks); };
  EXPECT_NEAR(none({{0, 1}}), 6.0 / 11, 1e-5);
  EXPECT_NEAR(none({{2, 1}}), 2.0 / 11, 1e-5);
  EXPECT_NEAR(none({{0, 1}, {1, 1}}), 0, 1e-9);
  // A mark with probability 1/2 on item 0: sets {0,1} and {0,2} are half as likely to stay clear.
  EXPECT_NEAR(none({{0, 0.5}}), (1 + 1.5 + 6) / 11, 1e-5);
  EXPECT_NEAR(none({}), 1, 1e-12);
}

TEST(ConditionalPoissonDraw, LeavesDrawsThatHitNothingWhereRoutesWereDropped) {
  // Two draws, but only one route a token on average: half of the draws are gone. Each of two items
  // is kept with probability 1/2, so a token misses item 0 half of the time.
  const ConditionalPoisson draw(std::vector<double>{0.5, 0.5}, 2);
  EXPECT_NEAR(draw.none_marked(std::vector<Mark>{{0, 1}}), 0.5, 1e-5);
}

class ReachOfTokens : public ::testing::Test {
 protected:
  static constexpr int kGpus = 32, kExperts = 256, kTopK = 8;

  ReachOfTokens() : cluster_(build_cluster(test_spec(4), "rail_optimized")) {}

  // Tokens draw experts one after the other in proportion to popularity, without repetition.
  Routing drawn_routing(double sigma, int tokens) const {
    Rng rng(11, Purpose::kRouting);
    std::vector<double> popularity(kExperts);
    for (double& value : popularity) value = std::exp(sigma * rng.normal());
    std::vector<std::vector<std::vector<int>>> ids(kGpus);
    std::vector<std::pair<double, int>> keys(kExperts);
    for (auto& source : ids) {
      for (int token = 0; token < tokens; ++token) {
        for (int e = 0; e < kExperts; ++e)
          keys[static_cast<std::size_t>(e)] = {
              -std::log(1 - rng.uniform()) / popularity[static_cast<std::size_t>(e)], e};
        std::nth_element(keys.begin(), keys.begin() + kTopK, keys.end());
        source.emplace_back();
        for (int j = 0; j < kTopK; ++j)
          source.back().push_back(keys[static_cast<std::size_t>(j)].second);
      }
    }
    return routing_of(ids, kExperts);
  }

  Reach reach(const Routing& routing, const std::string& placement_section,
              const std::string& replica) const {
    ExpertLoad load(1, kExperts);
    const auto counted = expert_load(routing.counts);
    for (const ExpertId expert : load.column_ids())
      load(LayerId(0), expert) = static_cast<double>(counted[expert]);
    const Placement placement = plugin<PlacementPolicy>(placement_section)
                                    ->place({.load = load, .gpus = kGpus, .nodes = 4});
    const LayerPlacement& layer = placement.layers[LayerId(0)];
    const Assignment assignment =
        plugin<Replica>(replica)->assign({routing, layer, cluster_, StepId(0), LayerId(0)});
    return reach_of({.routing = routing,
                     .assignment = assignment,
                     .placement = layer,
                     .cluster = cluster_,
                     .model = model_,
                     .cost = cost_},
                    domains_of(cluster_));
  }

  static double sum(const std::vector<double>& values) {
    return std::accumulate(values.begin(), values.end(), 0.0);
  }

  // Expectation from counts against the ids that the counts are of: every receiver's rows.
  void expect_close(double sigma, const std::string& placement, const std::string& replica) const {
    SCOPED_TRACE(placement + " " + replica);
    const Routing routing = drawn_routing(sigma, 400);
    const Reach exact = reach(routing, placement, replica);
    const Reach expected = reach(counts_only(routing), placement, replica);
    EXPECT_NEAR(sum(expected.gpus.raw()) / sum(exact.gpus.raw()), 1, 0.003);
    EXPECT_NEAR(sum(expected.domains.raw()) / sum(exact.domains.raw()), 1, 0.003);
    for (const GpuId gpu : exact.gpus.column_ids()) {
      double exact_rows = 0, expected_rows = 0;
      for (const GpuId source : exact.gpus.row_ids()) {
        exact_rows += exact.gpus(source, gpu);
        expected_rows += expected.gpus(source, gpu);
      }
      EXPECT_NEAR(expected_rows / exact_rows, 1, 0.01) << "GPU " << gpu.value;
    }
  }

  Cluster cluster_;
  MoeModel model_{.hidden = 7168, .experts = kExperts, .top_k = kTopK};
  FakeCost cost_;
};

// policies.md 4.3: E = 256, k = 8 over 32 equal GPUs reaches 7.27 of them, over 4 nodes
// 4 · (1 − C(192,8)/C(256,8)).
TEST_F(ReachOfTokens, FollowsTheClosedFormForUniformRouting) {
  Routing routing{.top_k = kTopK,
                  .first_token = first_tokens(std::vector<int>(kGpus, 4096)),
                  .counts = ExpertCounts(kGpus, kExperts, 4096 * kTopK / kExperts)};
  const Reach expected = reach(routing, "linear", "static");
  const double tokens = 4096.0 * kGpus;
  const double gpus = 32 * (1 - choose(248, 8) / choose(256, 8));
  const double nodes = 4 * (1 - choose(192, 8) / choose(256, 8));
  EXPECT_NEAR(gpus, 7.27, 0.005);
  EXPECT_NEAR(sum(expected.gpus.raw()) / tokens, gpus, 1e-4);
  EXPECT_NEAR(sum(expected.domains.raw()) / tokens, nodes, 1e-4);
  // Ids of uniform routing: the mean over 12800 tokens, standard deviation of |U| about 0.8.
  const Reach exact = reach(drawn_routing(0, 400), "linear", "static");
  EXPECT_NEAR(sum(exact.gpus.raw()) / (400 * kGpus), gpus, 3 * 0.8 / std::sqrt(400 * kGpus));
}

TEST_F(ReachOfTokens, ExpectsFromCountsWhatIdsGive) {
  expect_close(0.8, "linear", "static");
  expect_close(0.8, "{kind: eplb, redundant: 32}", "round_robin_flat");
  expect_close(1.5, "{kind: eplb, redundant: 32}", "least_loaded");
}

TEST_F(ReachOfTokens, ReachesFewerDestinationsThanRoutesAndFewerNodesThanGpus) {
  for (const Routing& routing : {drawn_routing(1, 50), counts_only(drawn_routing(1, 50))}) {
    const Reach reach = this->reach(routing, "linear", "static");
    const Domains domains = domains_of(cluster_);
    for (const GpuId source : reach.gpus.row_ids()) {
      IdVector<DomainId, double> by_domain(domains.count());
      for (const GpuId gpu : reach.gpus.column_ids()) {
        double routes = 0;
        for (int e = 8 * gpu.value; e < 8 * gpu.value + 8; ++e)
          routes += routing.counts(source, ExpertId(e));
        EXPECT_LE(reach.gpus(source, gpu), routes + 1e-9);
        by_domain[domains.of[gpu]] += reach.gpus(source, gpu);
      }
      for (const DomainId domain : by_domain.ids()) {
        EXPECT_LE(reach.domains(source, domain), by_domain[domain] + 1e-9);
        EXPECT_LE(reach.domains(source, domain), 50 + 1e-9);
      }
    }
  }
}

TEST_F(ReachOfTokens, CountsHotExpertsThatEveryTokenTakes) {
  // Expert 0 is taken by all tokens, the rest is even over the other 255.
  Routing routing{.top_k = kTopK,
                  .first_token = first_tokens(std::vector<int>(kGpus, 255)),
                  .counts = ExpertCounts(kGpus, kExperts, 7)};
  for (const GpuId gpu : routing.counts.row_ids()) routing.counts(gpu, ExpertId(0)) = 255;
  const Reach reach = this->reach(routing, "linear", "static");
  EXPECT_NEAR(reach.gpus(GpuId(3), GpuId(0)), 255, 1e-3);
  // Seven draws of 255 miss the eight experts of GPU 1.
  EXPECT_NEAR(reach.gpus(GpuId(3), GpuId(1)), 255 * (1 - choose(247, 7) / choose(255, 7)), 1e-2);
}

}  // namespace
}  // namespace moesim
