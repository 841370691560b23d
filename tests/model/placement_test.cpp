#include "sim/model/placement.hpp"

#include <gtest/gtest.h>

namespace moesim {
namespace {

// Experts 0 and 1 on GPU 1, 1 and 2 on GPU 2; GPU 0 has none. Expert 1 splits its load.
TEST(PredictedImbalance, IsThatOfTheLiveGpusWithExpertsAndTheMeanOfTheLayers) {
  IdVector<SlotId, ExpertId> slots(4);
  for (int slot = 0; slot < 4; ++slot) slots[SlotId(slot)] = ExpertId((slot + 1) / 2);
  const LayerPlacement layer = make_layer_placement({0, 0, 2, 4}, slots, 3);
  Placement placement;
  placement.layers.raw() = {layer, layer};
  ExpertLoad load(2, 3, 0.0);
  load(LayerId(0), ExpertId(0)) = 30;  // 30 : 0, of a mean of 15
  load(LayerId(1), ExpertId(1)) = 20;  // 10 : 10
  EXPECT_DOUBLE_EQ(predicted_max_over_mean(placement, load, GpuId(1)), (2 + 1) / 2.0);
  EXPECT_DOUBLE_EQ(predicted_max_over_mean(placement, load, GpuId(0)), (3 + 1.5) / 2);
  const std::vector<GpuId> dead = {GpuId(0)};
  EXPECT_DOUBLE_EQ(predicted_max_over_mean(placement, load, GpuId(0), dead), (2 + 1) / 2.0);
}

}  // namespace
}  // namespace moesim
