#include <gtest/gtest.h>

#include "tests/support/placements.hpp"

namespace moesim {
namespace {

// Room for one expert on GPU 0 and for three on GPU 1: 9, and 4 + 3 + 2. The mean is 9.
TEST(FfdMemoryPlacement, FillsGpusAsFarAsTheirMemoryGoes) {
  const std::vector<double> load{9, 4, 3, 2};
  PlacementRequest request{.load = load_of({load}), .gpus = 2};
  const LayerPlacement map =
      placed("{kind: ffd_memory, memory: [10 MB, 35 MB], expert_size: 10 MB}", request);
  EXPECT_EQ(by_gpu(map), (Gpus{{0}, {1, 2, 3}}));
  EXPECT_EQ(gpu_load(map, load), (std::vector<double>{9, 9}));
  for (const char* other : {"lpt", "linear"})
    EXPECT_NE(by_gpu(placed(other, request)), by_gpu(map));
  request.expert_room.raw() = {Bytes(10), Bytes(35)};
  request.expert_size = Bytes(10);
  EXPECT_EQ(by_gpu(placed("ffd_memory", request)), by_gpu(map));
}

// Two layers share a GPU's memory evenly: room for two experts of each layer.
TEST(FfdMemoryPlacement, DealsTheMemoryToTheLayers) {
  const PlacementRequest request{.load = load_of({{3, 1, 1}, {1, 1, 3}}), .gpus = 2};
  EXPECT_EQ(by_gpu(placed("{kind: ffd_memory, memory: 40 MB, expert_size: 10 MB}", request)),
            (Gpus{{0}, {1, 2}}));
  EXPECT_EQ(refusal("{kind: ffd_memory, memory: 30 MB, expert_size: 10 MB}", request),
            "3 experts of a layer do not fit: the GPUs have memory for 2");
}

TEST(FfdMemoryPlacement, SaysWhatItDoesNotKnow) {
  PlacementRequest request{.load = ExpertLoad(1, 4), .gpus = 2};
  EXPECT_EQ(refusal("{kind: ffd_memory, memory: 1 GB}", request),
            "the size of an expert is not known here");
  EXPECT_EQ(refusal("{kind: ffd_memory, expert_size: 1 MB}", request),
            "the GPUs' memory for experts is not known here");
}

}  // namespace
}  // namespace moesim
