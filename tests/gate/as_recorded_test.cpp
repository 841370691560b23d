#include <gtest/gtest.h>

#include "sim/gate/gate.hpp"
#include "tests/support/plugin.hpp"
#include "tests/support/routings.hpp"

namespace moesim {
namespace {

TEST(AsRecordedGate, GivesTheRecordedRoutesWhateverTheLogits) {
  Routing recorded = routing_of({{{3, 1}, {0, -1}}}, 4);
  recorded.logits = {9, 0, 0, 0, 0, 0, 0, 9};
  const MoeModel model{.experts = 4, .top_k = 2};
  const Routing routing =
      plugin<Gate>("as_recorded")
          ->apply(recorded, {.model = model, .step = StepId(0), .layer = LayerId(0)})
          .routing;
  EXPECT_EQ(routing.ids, recorded.ids);
  EXPECT_EQ(routing.counts, recorded.counts);
}

}  // namespace
}  // namespace moesim
