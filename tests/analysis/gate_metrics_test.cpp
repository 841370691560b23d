#include "analysis/gate_metrics.hpp"

#include <gmock/gmock.h>

#include "analysis/summary.hpp"
#include "analysis/table.hpp"
#include "tests/analysis/example_run.hpp"

namespace moesim {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// Two steps of one layer of 10 tokens that asked for 20 routes in the trace.
RunResult gated_result() {
  RunResult result = example_result();
  result.steps[0].gate = {.layers = 1,
                          .tokens = 10,
                          .routes = 15,
                          .free_routes = 5,
                          .unrouted_tokens = 0,
                          .compared = 20,
                          .changed = 4,
                          .weight = 6,
                          .losses = {{"switch", 1.5}}};
  result.steps[1].gate = result.steps[0].gate;
  result.steps[1].gate.changed = 6;
  result.steps[1].gate.unrouted_tokens = 2;
  result.steps[1].gate.losses[0].second = 1.25;
  return result;
}

TEST(GateMetrics, AreSharesOfAllStepsAndLayers) {
  const GateMetrics metrics = gate_metrics(gated_result());
  EXPECT_TRUE(metrics.gated);
  EXPECT_DOUBLE_EQ(metrics.routes_changed, 0.25);
  EXPECT_DOUBLE_EQ(metrics.routes_per_token, 1.5);
  EXPECT_DOUBLE_EQ(metrics.free_share, 0.25);
  EXPECT_DOUBLE_EQ(metrics.unrouted_tokens, 0.1);
  EXPECT_DOUBLE_EQ(metrics.confidence, 0.4);
  ASSERT_EQ(metrics.losses.size(), 1u);
  EXPECT_DOUBLE_EQ(metrics.losses[0].second, 1.375);
}

TEST(GateMetrics, WarnThatAnotherModelIsNotComparedAtTheSameQuality) {
  const RunResult result = gated_result();
  EXPECT_THAT(gate_warning(gate_metrics(result)),
              HasSubstr("changes 25.0 % of the trace's routes"));
  EXPECT_THAT(run_table(example_scenario(), result, {}), HasSubstr("another model"));
  const Json summary = summary_document(example_scenario(), result);
  EXPECT_EQ(summary["gate"]["routes_changed"], 0.25);
  EXPECT_EQ(summary["gate"]["losses"]["switch"], 1.375);
  EXPECT_THAT(summary["warnings"].dump(), HasSubstr("another model"));
}

TEST(GateMetrics, WarnWhereFullExpertsSendRoutesElsewhere) {
  RunResult result = example_result();
  result.steps[1].rerouted_routes = 400;
  EXPECT_DOUBLE_EQ(gate_metrics(result).rerouted, 0.05);  // of 8000
  EXPECT_THAT(gate_warning(gate_metrics(result)), HasSubstr("send 5.00 % of the routes"));
  EXPECT_THAT(run_table(example_scenario(), result, {}), HasSubstr("rerouted      5.00 %"));
}

TEST(GateMetrics, SayNothingOfTheTracesOwnRoutes) {
  const RunResult result = example_result();
  EXPECT_FALSE(gate_metrics(result).gated);
  EXPECT_THAT(gate_warning(gate_metrics(result)), IsEmpty());
  EXPECT_THAT(run_table(example_scenario(), result, {}), Not(HasSubstr("routes are not")));
  EXPECT_EQ(summary_document(example_scenario(), result)["gate"].dump(),
            R"({"kind":"as_recorded","routes_changed":0,"rerouted":0.0})");
}

}  // namespace
}  // namespace moesim
