#include <gmock/gmock.h>

#include "tests/support/placements.hpp"

namespace moesim {
namespace {

// Eight experts of 10 on four GPUs of three slots. The copies go to the highest of the equal ids,
// so experts 4 to 7 come as 5 + 5, and 10 + 5 + 5 is the mean everywhere.
TEST(TensorRtLlmPlacement, GivesCopiesToTheHighestIdAmongEqualsAndReachesTheMean) {
  const std::vector<double> load(8, 10);
  const PlacementRequest request{.load = load_of({load}), .gpus = 4};
  const LayerPlacement map = placed("{kind: trtllm, redundant: 4}", request);
  EXPECT_EQ(by_gpu(map), (Gpus{{0, 4, 6}, {1, 4, 6}, {2, 5, 7}, {3, 5, 7}}));
  EXPECT_EQ(gpu_load(map, load), (std::vector<double>(4, 20)));
  for (const char* other : {"lpt", "linear"})
    EXPECT_NE(by_gpu(placed(std::string("{kind: ") + other + ", redundant: 4}", request)),
              by_gpu(map));
}

TEST(TensorRtLlmPlacement, SplitsCopiesEvenlyWithoutLoad) {
  const LayerPlacement map =
      placed("{kind: trtllm, redundant: 2}", {.load = ExpertLoad(1, 4), .gpus = 2});
  EXPECT_EQ(by_gpu(map), (Gpus{{0, 0, 1}, {1, 2, 3}}));
}

// Copies 5, 5, 9 and 1: the second 5 would go to the first.
TEST(TensorRtLlmPlacement, KeepsCopiesApartWhenAsked) {
  const PlacementRequest request{.load = load_of({{10, 9, 1}}), .gpus = 2};
  EXPECT_EQ(by_gpu(placed("{kind: trtllm, redundant: 1}", request)), (Gpus{{1, 2}, {0, 0}}));
  EXPECT_EQ(by_gpu(placed("{kind: trtllm, redundant: 1, distinct_gpus: true}", request)),
            (Gpus{{1, 0}, {0, 2}}));
}

// Tokens ask for 0 with 3, and for 1 with 2. By load alone 0 would be with 2, and 1 with 3.
TEST(TensorRtLlmPlacement, GathersWhatTheSameTokensAskFor) {
  PlacementRequest request{.load = load_of({{4, 3, 2, 3}}), .gpus = 2};
  EXPECT_EQ(by_gpu(placed("trtllm", request)), (Gpus{{0, 2}, {1, 3}}));
  ExpertPairs together(4, 4);
  for (const auto& [a, b] : {std::pair{0, 3}, {3, 0}, {1, 2}, {2, 1}})
    together(ExpertId(a), ExpertId(b)) = 10;
  request.detail.coactivation.raw() = {together};
  EXPECT_EQ(by_gpu(placed("{kind: trtllm, cooccurrence: true}", request)), (Gpus{{0, 3}, {1, 2}}));
}

// Expert 0 fills 0.8 of the average by itself, so nothing is gathered around it.
TEST(TensorRtLlmPlacement, StopsGatheringAtAShareOfTheAverageLoad) {
  PlacementRequest request{.load = load_of({{9, 3, 3, 3}}), .gpus = 2};
  ExpertPairs together(4, 4);
  together(ExpertId(0), ExpertId(1)) = together(ExpertId(1), ExpertId(0)) = 10;
  request.detail.coactivation.raw() = {together};
  const LayerPlacement map = placed("{kind: trtllm, cooccurrence: true}", request);
  EXPECT_EQ(by_gpu(map), (Gpus{{0, 3}, {1, 2}}));
}

TEST(TensorRtLlmPlacement, SaysWhatItsCooccurrenceNeeds) {
  EXPECT_EQ(refusal("{kind: trtllm, cooccurrence: true}", {.load = ExpertLoad(1, 4), .gpus = 2}),
            "which experts the same tokens ask for is not known here");
}

}  // namespace
}  // namespace moesim
