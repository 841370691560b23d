#include <gmock/gmock.h>

#include "tests/support/gates.hpp"
#include "tests/support/mistakes.hpp"

namespace moesim {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::HasSubstr;

TEST(HashGate, SendsEqualTokensToEqualExpertsInAllSteps) {
  // A vocabulary of one token: everybody goes to the same two experts, half of the experts apart.
  const GateRun run{.section = "{kind: hash, vocabulary: 1}"};
  const GateResult result = apply_gate(run, random_logits(50, 8, 2));
  const auto ids = gate_ids(result);
  EXPECT_NE(ids[0], ids[1]);
  for (std::size_t i = 0; i < ids.size(); ++i) EXPECT_EQ(ids[i], ids[i % 2]);
  GateRun later = run;
  later.step = 7;
  EXPECT_EQ(gate_ids(apply_gate(later, random_logits(50, 8, 2))), ids);
}

// The most frequent of a thousand tokens has ln 2 / ln 1001 = 10.0 % of the text, below a fair
// share of 12.5 %: a balanced table can be even, a random one is not.
TEST(HashGate, BalancesTheTableByFrequency) {
  const Routing routing = random_logits(8000, 8, 1);
  const auto spread = [&](const std::string& table) {
    const auto counts =
        apply_gate({.section = "{kind: hash, vocabulary: 1000, table: " + table + "}"}, routing)
            .routing.counts.raw();
    return *std::max_element(counts.begin(), counts.end()) / 1000.0;
  };
  EXPECT_LT(spread("balanced"), 1.15);
  EXPECT_GT(spread("random"), 1.2);
}

TEST(HashGate, LeavesLaterLayersAsRecorded) {
  const Routing routing = random_logits(10, 8, 2);
  const GateResult result =
      apply_gate({.section = "{kind: hash, vocabulary: 100, layers: 2}", .layer = 2}, routing);
  EXPECT_EQ(result.routing.ids, routing.ids);
  EXPECT_EQ(result.record.compared, 20);
  EXPECT_EQ(result.record.changed, 0);
}

TEST(HashGate, NeedsTheSizeOfTheVocabulary) {
  EXPECT_THAT(mistake_of([] { apply_gate({.section = "hash"}, random_logits(1, 4, 1)); }),
              HasSubstr("the vocabulary of test is not known"));
}

}  // namespace
}  // namespace moesim
