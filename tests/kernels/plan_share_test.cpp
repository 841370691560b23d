#include "kernels/cuda/plan_share.hpp"

#include <gtest/gtest.h>

namespace moesim::kernels {
namespace {

// Shares follow one another without gap or overlap, up to the largest number of routes.
TEST(PlanShare, DealsEveryRouteToOneWarpInOrder) {
  for (const int tokens : {0, 1, 31, 127, 128, 129, 65536, 65537, 1 << 20, (1 << 26) - 1}) {
    const PermuteShape shape{.tokens = tokens, .top_k = 8, .experts = 4};
    const int routes = tokens * 8, blocks = plan_blocks(shape);
    EXPECT_GE(blocks, 1);
    EXPECT_LE(blocks, kPlanMostBlocks);
    int next = 0;
    for (int block = 0; block < blocks; ++block) {
      const Share of_block = share_of_block(shape, block);
      EXPECT_EQ(of_block.begin, next);
      for (int warp = 0; warp < kPlanWarps; ++warp) {
        const Share share = share_of_warp(shape, block, warp);
        EXPECT_EQ(share.begin % 32, 0);
        if (share.end <= share.begin) continue;
        EXPECT_EQ(share.begin, next);
        next = share.end;
      }
      EXPECT_EQ(of_block.end, next);
    }
    EXPECT_EQ(next, routes);
  }
}

}  // namespace
}  // namespace moesim::kernels
