// How many destinations tokens reach: exact from ids, expected from counts.
#include "sim/exchange/reach.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <tuple>

#include "sim/exchange/conditional_poisson.hpp"
#include "sim/placement/placement_policy.hpp"
#include "sim/trace/sampler.hpp"
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

// Shares of the draws that fall by 0.85 from item to item, up to 0.999; their sum is 8.
TEST(ConditionalPoissonDraw, StaysFiniteWhereItemsAreNearlySure) {
  std::vector<double> inclusion(32);
  double low = 0, high = 100;
  for (int i = 0; i < 60; ++i) {
    const double largest = (low + high) / 2;
    for (std::size_t e = 0; e < inclusion.size(); ++e)
      inclusion[e] = std::min(0.999, largest * std::pow(0.85, static_cast<double>(e)));
    const double sum = std::accumulate(inclusion.begin(), inclusion.end(), 0.0);
    (sum < 8 ? low : high) = largest;
  }
  const ConditionalPoisson draw(inclusion, 8);
  for (int item = 0; item < 32; ++item) {
    const Mark mark{.item = item, .probability = 1};
    EXPECT_NEAR(draw.none_marked({&mark, 1}), 1 - inclusion[static_cast<std::size_t>(item)], 0.01);
  }
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
  static Routing drawn_routing(double sigma, int tokens) {
    Rng rng(11, Purpose::kRouting);
    std::vector<double> popularity(kExperts);
    for (double& value : popularity) value = std::exp(sigma * rng.normal());
    DistinctSampler sampler;
    sampler.reset(popularity, kTopK);
    Routing routing{
        .top_k = kTopK,
        .first_token = first_tokens(std::vector<int>(kGpus, tokens)),
        .ids = std::vector<std::int16_t>(static_cast<std::size_t>(kGpus * tokens * kTopK))};
    for (std::size_t at = 0; at < routing.ids.size(); at += kTopK)
      sampler.draw(rng, {routing.ids.data() + at, kTopK});
    routing.counts = count_routes(routing, kExperts);
    return routing;
  }

  // `forget_tokens`: keep how many routes go to each slot, and forget which token each is of.
  Reach reach(const Routing& routing, const std::string& placement_section,
              const std::string& replica, bool forget_tokens = false) const {
    ExpertLoad load(1, kExperts);
    const auto counted = expert_load(routing.counts);
    for (const ExpertId expert : load.column_ids())
      load(LayerId(0), expert) = static_cast<double>(counted[expert]);
    const Placement placement = plugin<PlacementPolicy>(placement_section)
                                    ->place({.load = load, .gpus = kGpus, .nodes = 4});
    const LayerPlacement& layer = placement.layers[LayerId(0)];
    Assignment assignment =
        plugin<Replica>(replica)->assign({routing, layer, cluster_, StepId(0), LayerId(0)});
    if (forget_tokens) assignment.slots.clear();
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

  // Relative error of the expectation against ids: of all rows, and of the worst receiver.
  struct Errors {
    double gpus = 0, domains = 0, receiver = 0;
  };
  Errors errors(double sigma, const std::string& placement, const std::string& replica) const {
    const Routing routing = drawn_routing(sigma, 2000);
    const Reach exact = reach(routing, placement, replica);
    const Reach expected = reach(routing, placement, replica, true);
    Errors errors{.gpus = std::fabs(sum(expected.gpus.raw()) / sum(exact.gpus.raw()) - 1),
                  .domains = std::fabs(sum(expected.domains.raw()) / sum(exact.domains.raw()) - 1)};
    for (const GpuId gpu : exact.gpus.column_ids()) {
      double exact_rows = 0, expected_rows = 0;
      for (const GpuId source : exact.gpus.row_ids()) {
        exact_rows += exact.gpus(source, gpu);
        expected_rows += expected.gpus(source, gpu);
      }
      errors.receiver = std::max(errors.receiver, std::fabs(expected_rows / exact_rows - 1));
    }
    return errors;
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
  for (const auto& [sigma, placement, replica] : {std::tuple{0.8, "linear", "static"},
                                                  {1.5, "linear", "static"},
                                                  {0.8, "{kind: eplb, redundant: 32}", "random"},
                                                  {1.5, "{kind: eplb, redundant: 32}", "random"}}) {
    SCOPED_TRACE(std::string(placement) + " " + replica);
    const Errors errors = this->errors(sigma, placement, replica);
    EXPECT_LT(errors.gpus, 0.003);
    EXPECT_LT(errors.domains, 0.003);
    EXPECT_LT(errors.receiver, 0.01);
  }
}

// Dealing to the least loaded GPU spreads the routes of one token more than independent choices
// do, which counts cannot tell: the sum stays within 1 %, a single receiver within 4 %.
TEST_F(ReachOfTokens, ExpectsWithinOnePercentWhereCopiesAreNotChosenIndependently) {
  for (const char* replica : {"least_loaded", "round_robin_flat"}) {
    SCOPED_TRACE(replica);
    const Errors errors = this->errors(0.8, "{kind: eplb, redundant: 32}", replica);
    EXPECT_LT(errors.gpus, 0.01);
    EXPECT_LT(errors.domains, 0.01);
    EXPECT_LT(errors.receiver, 0.04);
  }
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
        EXPECT_LE(reach.gpus(source, gpu), routes + 1e-4);
        by_domain[domains.of[gpu]] += reach.gpus(source, gpu);
      }
      for (const DomainId domain : by_domain.ids()) {
        EXPECT_LE(reach.domains(source, domain), by_domain[domain] + 1e-4);
        EXPECT_LE(reach.domains(source, domain), 50 + 1e-4);
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
