#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "tests/trace/make_trace.hpp"

namespace moesim {
namespace {

// Share of first choices of layer 1 by those of layer 0: [experts × experts], and how many each row
// stands for.
struct Transitions {
  std::vector<std::vector<double>> share;
  std::vector<int> tokens;
};

Transitions transitions_of(const Trace& trace, int experts, int tokens) {
  const Routing first = route_of(trace, 0, 0, {tokens}), second = route_of(trace, 0, 1, {tokens});
  const auto count = static_cast<std::size_t>(experts);
  Transitions found{.share = std::vector<std::vector<double>>(count, std::vector<double>(count)),
                    .tokens = std::vector<int>(count)};
  for (int token = 0; token < tokens; ++token) {
    const auto from = static_cast<std::size_t>(first.ids_of(token)[0]);
    ++found.tokens[from];
    ++found.share[from][static_cast<std::size_t>(second.ids_of(token)[0])];
  }
  for (std::size_t row = 0; row < count; ++row)
    for (double& share : found.share[row]) share /= std::max(1, found.tokens[row]);
  return found;
}

std::size_t largest(const std::vector<double>& row) {
  return static_cast<std::size_t>(std::max_element(row.begin(), row.end()) - row.begin());
}

// With equal popularity P[e][successor] = 0.5 + 0.5 / 8, all else 0.5 / 8.
TEST(MarkovAffinity, HasTheTransitionsOfItsMatrix) {
  const int tokens = 40000;
  const auto trace =
      make_trace("{kind: markov_affinity, affinity: 0.5, sigma: 0}", routed_model(8, 1, 2));
  const Transitions found = transitions_of(*trace, 8, tokens);
  std::set<std::size_t> successors;
  for (std::size_t row = 0; row < 8; ++row) {
    const std::size_t successor = largest(found.share[row]);
    successors.insert(successor);
    for (std::size_t column = 0; column < 8; ++column) {
      const double expected = 0.5 / 8 + (column == successor ? 0.5 : 0);
      const double deviation = std::sqrt(expected * (1 - expected) / found.tokens[row]);
      EXPECT_NEAR(found.share[row][column], expected, 5 * deviation) << row << " " << column;
    }
  }
  EXPECT_EQ(successors.size(), 8u) << "every expert follows one other";
}

TEST(MarkovAffinity, FollowsSuccessorsOnlyAtAnAffinityOfOne) {
  const auto trace = make_trace("{kind: markov_affinity, affinity: 1}", routed_model(16, 3, 4));
  std::map<int, int> successor;
  const Routing first = route_of(*trace, 5, 2, {300, 200}),
                second = route_of(*trace, 5, 3, {300, 200});
  for (std::size_t at = 0; at < first.ids.size(); ++at) {
    const auto [found, fresh] = successor.emplace(first.ids[at], second.ids[at]);
    EXPECT_EQ(found->second, second.ids[at]);
  }
  EXPECT_GT(successor.size(), 12u);
}

// Without affinity a row is the layer's popularity, whatever the expert before.
TEST(MarkovAffinity, HasNoMemoryAtAnAffinityOfZero) {
  const auto trace =
      make_trace("{kind: markov_affinity, affinity: 0, sigma: 0}", routed_model(4, 1, 2));
  const Transitions found = transitions_of(*trace, 4, 20000);
  for (const auto& row : found.share)
    for (const double share : row) EXPECT_NEAR(share, 0.25, 5 * std::sqrt(0.25 * 0.75 / 4500));
}

TEST(MarkovAffinity, GivesTheSameRoutesInWhateverOrderTheyAreAskedFor) {
  const auto section = "{kind: markov_affinity, affinity: 0.4}";
  const auto ahead = make_trace(section, routed_model(16, 2, 3));
  const auto back = make_trace(section, routed_model(16, 2, 3));
  const Routing last = route_of(*back, 1, 2, {20, 30});
  EXPECT_EQ(route_of(*back, 1, 0, {20, 30}).ids, route_of(*ahead, 1, 0, {20, 30}).ids);
  route_of(*ahead, 0, 1, {20, 30});
  EXPECT_EQ(route_of(*ahead, 1, 2, {20, 30}).ids, last.ids);
}

TEST(MarkovAffinity, SendsEveryTokenToDistinctExperts) {
  const auto trace =
      make_trace("{kind: markov_affinity, affinity: 0.9, sigma: 2}", routed_model(6, 5, 3));
  const Routing routing = route_of(*trace, 0, 2, {40, 0, 7});
  ASSERT_EQ(routing.tokens(), 47);
  for (int token = 0; token < routing.tokens(); ++token) {
    const auto ids = routing.ids_of(token);
    EXPECT_EQ(std::set<int>(ids.begin(), ids.end()).size(), 5u);
  }
}

TEST(MarkovAffinity, ProfilesAsManyRoutesAsThereAre) {
  const auto trace = make_trace("markov_affinity", routed_model(8, 2, 2));
  const std::vector<int> tokens{30000, 10000};
  const ExpertLoad load = trace->profile(2, tokens, Random(1));
  for (const LayerId layer : load.row_ids()) {
    double sum = 0;
    for (const double routes : load.row(layer)) sum += routes;
    EXPECT_NEAR(sum, 2 * 40000 * 2, 1e-6);
  }
}

}  // namespace
}  // namespace moesim
