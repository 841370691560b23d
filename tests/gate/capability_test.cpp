#include <gmock/gmock.h>

#include "tests/support/gates.hpp"
#include "tests/support/mistakes.hpp"

namespace moesim {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::HasSubstr;

// Experts 0 and 1 on a GPU at half speed: 0.5 · sqrt(0.5) = 0.354 against 0.4.
TEST(CapabilityGate, PrefersExpertsOnFasterGpus) {
  const LayerPlacement placement = two_experts_a_gpu(2);
  const Routing routing = logit_routing({{shares({0.5F, 0.05F, 0.4F, 0.05F})}}, 1);
  GateRun run{.section = "{kind: capability, speeds: [0.5, 1]}", .placement = &placement};
  EXPECT_THAT(gate_ids(apply_gate(run, routing)), ElementsAre(2));
  run.section = "{kind: capability, speeds: [0.5, 1], gamma: 0}";
  EXPECT_THAT(gate_ids(apply_gate(run, routing)), ElementsAre(0));
  run.section = "{kind: capability, speeds: [0.5, 1, 1]}";
  EXPECT_THAT(mistake_of([&] { apply_gate(run, routing); }),
              HasSubstr("there are 3 speeds, but 2 GPUs"));
}

}  // namespace
}  // namespace moesim
