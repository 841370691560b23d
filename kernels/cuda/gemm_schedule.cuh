// How a block of the grouped GEMM finds its tiles: from the rows of experts, on the device.
#pragma once

#include "kernels/cuda/gemm_launch.hpp"

namespace moesim::kernels {

inline constexpr unsigned kEveryLane = 0xffffffffu;
inline constexpr int kGemmThreads = 256;
inline constexpr int kStages = 3;
inline constexpr int kGemmMaxExperts = 1024;
inline constexpr int kStageRoom = (128 + kTileOutputs) * kStageBytes;  // A, then B
inline constexpr int kGemmSharedBytes =
    kStages * kStageRoom + (2 * kGemmMaxExperts + 1) * static_cast<int>(sizeof(int));

// What one block knows of the whole: in shared memory, behind the stages.
struct GemmSchedule {
  int* rows_of_expert;  // [experts]
  int* first_tile;      // [experts + 1]
};

// Fills the schedule: a sum over the tiles of the experts before each, four experts a thread.
__device__ inline void make_schedule(const GemmArguments& arguments, const GemmSchedule& schedule) {
  constexpr int kEach = kGemmMaxExperts / kGemmThreads;
  __shared__ int of_warp[kGemmThreads / 32];
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  int tiles[kEach], mine = 0;
  for (int i = 0; i < kEach; ++i) {
    const int expert = threadIdx.x * kEach + i;
    const bool exists = expert < arguments.experts;
    const int rows = exists ? arguments.rows_of_expert[expert] : 0;
    if (exists) schedule.rows_of_expert[expert] = rows;
    tiles[i] = tiles_of(rows, arguments.outputs);
    mine += tiles[i];
  }
  int before = mine;  // becomes the sum over this and earlier lanes
  for (int distance = 1; distance < 32; distance *= 2) {
    const int other = __shfl_up_sync(kEveryLane, before, distance);
    if (lane >= distance) before += other;
  }
  if (lane == 31) of_warp[warp] = before;
  before -= mine;
  __syncthreads();
  for (int w = 0; w < warp; ++w) before += of_warp[w];
  if (threadIdx.x == 0) schedule.first_tile[0] = 0;
  for (int i = 0; i < kEach; ++i) {
    before += tiles[i];
    const int expert = threadIdx.x * kEach + i;
    if (expert < arguments.experts) schedule.first_tile[expert + 1] = before;
  }
  __syncthreads();
}

}  // namespace moesim::kernels
