#include "sim/domain_trace.hpp"

#include <gtest/gtest.h>

#include <numeric>

namespace moesim {
namespace {

// All tokens ask for the one expert that is the trace's.
class OneExpert final : public Trace {
 public:
  explicit OneExpert(int expert) : expert_(expert) {}
  void fit(const MoeModel&, Mistakes&) override {}
  Routing route(const RoutingRequest& request) const override {
    Routing routing{.top_k = 1, .first_token = first_tokens(request.tokens)};
    routing.ids.assign(static_cast<std::size_t>(routing.first_token.back()),
                       static_cast<std::int16_t>(expert_));
    routing.counts = count_routes(routing, 3);
    return routing;
  }
  ExpertLoad profile(int, std::span<const int> tokens, Random) const override {
    ExpertLoad load(1, 3);
    load(LayerId(0), ExpertId(expert_)) = std::accumulate(tokens.begin(), tokens.end(), 0.0);
    return load;
  }

 private:
  int expert_ = 0;
};

DomainTrace three_domains() {
  std::vector<DomainTrace::Domain> domains;
  for (int expert = 0; expert < 3; ++expert)
    domains.push_back(
        {.trace = std::make_unique<OneExpert>(expert), .share = expert == 0 ? 0.5 : 0.25});
  return DomainTrace(std::move(domains));
}

int of_expert(const Routing& routing, int expert) {
  return static_cast<int>(expert_load(routing.counts)[ExpertId(expert)]);
}

TEST(DomainTrace, SharesTheTokensOfEverySourceOutInTheStepsProportions) {
  const DomainTrace trace = three_domains();
  const std::vector<int> tokens = {40, 0, 20};
  const std::vector<double> shares = {0.1, 0.9, 0};
  const Routing routing =
      trace.route({.step = StepId(0), .layer = LayerId(0), .tokens = tokens, .classes = shares});
  EXPECT_EQ(routing.first_token, (std::vector<int>{0, 40, 40, 60}));
  EXPECT_EQ(routing.counts(GpuId(0), ExpertId(0)), 4);
  EXPECT_EQ(routing.counts(GpuId(0), ExpertId(1)), 36);
  EXPECT_EQ(routing.counts(GpuId(2), ExpertId(0)), 2);
  EXPECT_EQ(of_expert(routing, 2), 0);
  EXPECT_EQ(count_routes(routing, 3).raw(), routing.counts.raw());
}

// One token on each of a hundred sources: half of them are of the first domain, not all or none.
TEST(DomainTrace, DoesNotRoundADomainAwayOnEverySource) {
  const std::vector<int> tokens(100, 1);
  const Routing routing =
      three_domains().route({.step = StepId(0), .layer = LayerId(0), .tokens = tokens});
  EXPECT_NEAR(of_expert(routing, 0), 50, 1);
  EXPECT_NEAR(of_expert(routing, 1), 25, 1);
  EXPECT_NEAR(of_expert(routing, 2), 25, 1);
}

TEST(DomainTrace, ProfilesTheUsualMix) {
  const ExpertLoad load = three_domains().profile(1, std::vector<int>{40, 40}, Random(1));
  EXPECT_EQ(load.raw(), (std::vector<double>{40, 20, 20}));
}

}  // namespace
}  // namespace moesim
