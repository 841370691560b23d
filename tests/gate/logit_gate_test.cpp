#include "sim/gate/logit_gate.hpp"

#include <gmock/gmock.h>

#include <cmath>

#include "tests/support/gates.hpp"

namespace moesim {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatNear;

TEST(Schedule, GoesFromOneValueToAnotherAndStays) {
  const Schedule linear{.from = 1, .to = 3, .steps = 4};
  EXPECT_DOUBLE_EQ(linear.at(0), 1);
  EXPECT_DOUBLE_EQ(linear.at(1), 1.5);
  EXPECT_DOUBLE_EQ(linear.at(4), 3);
  EXPECT_DOUBLE_EQ(linear.at(100), 3);
  const Schedule exponential{.from = 1, .to = 4, .steps = 2, .exponential = true};
  EXPECT_DOUBLE_EQ(exponential.at(1), 2);
  EXPECT_DOUBLE_EQ(Schedule{.to = 7}.at(0), 7);
}

// Logits 0, ln 4: shares 1/5 and 4/5; at temperature 2, 1/3 and 2/3.
TEST(LogitGate, DividesTheLogitsByTheTemperatureOfTheStep) {
  const Routing routing = logit_routing({{{0, std::log(4.0F)}}}, 1);
  const char* section =
      "{kind: softmax_then_topk, temperature: 1, temperature_end: 2, anneal_steps: 1}";
  EXPECT_THAT(apply_gate({.section = section}, routing).routing.weights,
              ElementsAre(FloatNear(0.8F, 1e-6F)));
  EXPECT_THAT(apply_gate({.section = section, .step = 1}, routing).routing.weights,
              ElementsAre(FloatNear(2.0F / 3, 1e-6F)));
}

TEST(LogitGate, SkipsRoutesOfSmallWeightButNeverTheFirst) {
  const Routing routing = logit_routing({{shares({0.6F, 0.3F, 0.1F})}}, 3);
  EXPECT_THAT(
      gate_ids(apply_gate({.section = "{kind: softmax_then_topk, skip_below: 0.2}"}, routing)),
      ElementsAre(0, 1, -1));
  EXPECT_THAT(
      gate_ids(apply_gate({.section = "{kind: softmax_then_topk, skip_ratio: 0.6}"}, routing)),
      ElementsAre(0, -1, -1));
  EXPECT_THAT(
      gate_ids(apply_gate({.section = "{kind: softmax_then_topk, skip_below: 0.9}"}, routing)),
      ElementsAre(0, -1, -1));
}

// Two tokens of two experts, k = 1, both to expert 0. f = (1, 0), P = (0.7, 0.3).
TEST(LogitGate, ReportsTheLossesOfItsRoutes) {
  const Routing routing = logit_routing({{shares({0.8F, 0.2F})}, {shares({0.6F, 0.4F})}}, 1);
  const LayerPlacement placement = make_layer_placement(
      {0, 1, 2}, IdVector<SlotId, ExpertId>(std::vector<ExpertId>{ExpertId(0), ExpertId(1)}), 2);
  const GateResult result =
      apply_gate({.section = "softmax_then_topk", .placement = &placement}, routing);
  std::map<std::string, double> losses(result.record.losses.begin(), result.record.losses.end());
  EXPECT_NEAR(losses["switch"], 2 * (0.8 + 0.6) / 2, 1e-6);  // of each rank on its own
  EXPECT_NEAR(losses["global"], 2 * 0.7, 1e-6);
  EXPECT_NEAR(losses["gshard"], 2 * 0.7, 1e-6);
  // Sums 1.4 and 0.6: deviation 0.4 over mean 1.
  EXPECT_NEAR(losses["importance"], 0.16, 1e-6);
  EXPECT_NEAR(losses["z"], 0, 1e-6);  // the exponentials of these logits sum to 1
  // One expert a device: as global. Both tokens come to device 0.
  EXPECT_NEAR(losses["device"], 1.4, 1e-6);
  EXPECT_NEAR(losses["communication"], 0.7, 1e-6);
  EXPECT_EQ(result.record.tokens, 2);
  EXPECT_NEAR(result.record.weight, 1.4, 1e-6);
}

TEST(LogitGate, ComparesItsRoutesWithTheTraces) {
  Routing routing = logit_routing({{{3, 2, 1}, {1, 2, 3}}}, 2);
  routing.ids = {0, 2, 2, -1};  // the trace says otherwise
  const GateResult result = apply_gate({.section = "topk_then_softmax"}, routing);
  EXPECT_THAT(gate_ids(result), ElementsAre(0, 1, 2, 1));
  EXPECT_EQ(result.record.compared, 3);
  EXPECT_EQ(result.record.changed, 1);
  EXPECT_THAT(result.routing.counts.raw(), ElementsAre(1, 2, 1));
}

}  // namespace
}  // namespace moesim
