#include <gmock/gmock.h>

#include "tests/support/gates.hpp"
#include "tests/support/mistakes.hpp"

namespace moesim {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::HasSubstr;

const Routing kToken = logit_routing({{shares({0.7F, 0.1F, 0.2F})}}, 2);

TEST(GshardTop2Gate, AsksForTheSecondExpertByItsWeight) {
  // Weights 7/9 and 2/9.
  EXPECT_THAT(gate_ids(apply_gate({.section = "{kind: gshard_top2, second: all}"}, kToken)),
              ElementsAre(0, 2));
  EXPECT_THAT(gate_ids(apply_gate({.section = "{kind: gshard_top2, second: none}"}, kToken)),
              ElementsAre(0, -1));
  const auto at = [](const std::string& threshold) {
    return gate_ids(apply_gate(
        {.section = "{kind: gshard_top2, second: threshold, threshold: " + threshold + "}"},
        kToken));
  };
  EXPECT_THAT(at("0.2"), ElementsAre(0, 2));
  EXPECT_THAT(at("0.25"), ElementsAre(0, -1));
}

// Second weight 1/10: chance 0.1 / 0.4 at threshold 0.4; 2 · 0.1 with FastMoE's rule.
TEST(GshardTop2Gate, AsksForItAtRandom) {
  const Routing routing =
      logit_routing({std::vector<std::vector<float>>(4000, shares({0.9F, 0.1F}))}, 2);
  const auto seconds = [&](const std::string& section) {
    return apply_gate({.section = section}, routing).routing.counts.raw()[1];
  };
  EXPECT_NEAR(seconds("{kind: gshard_top2, second: random, threshold: 0.4}"), 1000, 110);
  EXPECT_NEAR(seconds("{kind: gshard_top2, second: fastmoe}"), 800, 105);
}

}  // namespace
}  // namespace moesim
