#include <gmock/gmock.h>

#include "tests/support/gates.hpp"
#include "tests/support/mistakes.hpp"

namespace moesim {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::HasSubstr;

TEST(RoundRobinGate, GoesAroundTheExpertsOnEachSource) {
  const std::vector<std::vector<float>> tokens(2, std::vector<float>(3, 0));
  EXPECT_THAT(gate_ids(apply_gate({.section = "round_robin"}, logit_routing({tokens, tokens}, 2))),
              ElementsAre(0, 1, 2, 0, 0, 1, 2, 0));
}

}  // namespace
}  // namespace moesim
