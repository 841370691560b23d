// How much an expert says of the next layer's: what markov_affinity's parameter is measured as.
//
// On first choices: the share of an expert's tokens that go to its likeliest successor beyond those
// that would go there anyhow, Σ_a P(a) · max_f (P(f|a) − P(f)) / (1 − P(f)). In the trace's own
// matrix that is `affinity`.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <sstream>

#include "sim/base/text_file.hpp"
#include "tests/support/shared_data.hpp"
#include "tests/trace/make_trace.hpp"

namespace moesim {
namespace {

using Pairs = std::map<std::pair<int, int>, double>;  // tokens, by expert and the next layer's

double affinity_of(const Pairs& pairs) {
  std::map<int, double> before, after, best;
  double all = 0;
  for (const auto& [experts, tokens] : pairs) {
    before[experts.first] += tokens;
    after[experts.second] += tokens;
    all += tokens;
  }
  for (const auto& [experts, tokens] : pairs) {
    const double anyhow = after[experts.second] / all;
    const double lift = (tokens / before[experts.first] - anyhow) / (1 - anyhow);
    best[experts.first] = std::max(best[experts.first], lift);
  }
  double affinity = 0;
  for (const auto& [expert, lift] : best) affinity += before[expert] / all * lift;
  return affinity;
}

Pairs pairs_of(const Trace& trace, int layer, int tokens) {
  const Routing first = route_of(trace, 0, layer, {tokens});
  const Routing second = route_of(trace, 0, layer + 1, {tokens});
  Pairs pairs;
  for (int token = 0; token < tokens; ++token)
    ++pairs[{first.ids_of(token)[0], second.ids_of(token)[0]}];
  return pairs;
}

TEST(MeasuredAffinity, IsTheParameterInATraceThatWasDrawnWithIt) {
  for (const char* text : {"0.2", "0.4", "0.8"}) {
    const auto trace =
        make_trace(std::string("{kind: markov_affinity, sigma: 0.8, affinity: ") + text + "}",
                   routed_model(16, 2, 3));
    EXPECT_NEAR(affinity_of(pairs_of(*trace, 1, 40000)), std::stod(text), 0.02) << text;
  }
}

TEST(MeasuredAffinity, IsAboutTheDefaultBetweenNeighboursInSmallMoe) {
  const auto trace = make_trace(
      "{kind: file, path: " + std::string(MOESIM_SOURCE_DIR) + "/scenarios/traces/small_moe.h5}",
      routed_model(64, 8, 8));
  for (int layer = 0; layer < 7; ++layer) {
    const double affinity = affinity_of(pairs_of(*trace, layer, 49152));
    EXPECT_GT(affinity, 0.37) << layer;
    EXPECT_LT(affinity, 0.45) << layer;
  }
}

// Lines of model, data set, slot, pair of layers, expert, expert, tokens.
TEST(MeasuredAffinity, IsSmallBetweenLayersFarApart) {
  MOESIM_NEEDS_SHARED(file, "routing_crosslayer_counts.csv.gz");
  std::istringstream lines(read_bytes(file, "counts"));
  std::string line;
  std::getline(lines, line);
  std::map<std::string, Pairs> sets;
  while (std::getline(lines, line)) {
    std::vector<std::string> fields;
    std::istringstream row(line);
    for (std::string field; std::getline(row, field, ',');) fields.push_back(field);
    ASSERT_EQ(fields.size(), 7u);
    sets[fields[0] + " " + fields[1] + " " + fields[3]]
        [{std::stoi(fields[4]), std::stoi(fields[5])}] += std::stod(fields[6]);
  }
  EXPECT_EQ(sets.size(), 12u);
  for (const auto& [name, pairs] : sets) {
    const bool olmoe = name.starts_with("OLMoE");
    EXPECT_GT(affinity_of(pairs), olmoe ? 0.03 : 0.04) << name;
    EXPECT_LT(affinity_of(pairs), olmoe ? 0.07 : 0.11) << name;
  }
}

}  // namespace
}  // namespace moesim
