// Permutation: where each route's row is, in expert order.
//
// What it computes. For ids [routes], the rows of each expert, padded to a tile, and each route's
// row: a counting sort by expert that keeps the order of routes (permute_arguments.hpp).
// CPU reference. reference/permute.cpp, two walks over the routes.
// Simple version. An atomic counter for each expert hands out rows: fast, but the order of rows
// then changes from run to run, and with it the sums of everything downstream.
// Fast version (here). Three kernels. `count`: each block counts the experts of its routes in
// shared memory. `start`: one block adds the counts of all blocks up, so that each block knows its
// first row of each expert. `place`: each warp of a block counts its own share again, a scan over
// warps gives the warp's first row of each expert, and a match across the warp ranks equal experts.
// What limits it. Bytes are few (12 for each route); three launches and, for many experts, the walk
// of `start` over blocks x experts.
#include <cub/block/block_scan.cuh>

#include "kernels/cuda/launches.hpp"
#include "kernels/cuda/plan_share.hpp"

namespace moesim::kernels {
namespace {

constexpr unsigned kAll = 0xffffffffu;
constexpr int kThreads = kPlanThreads;
constexpr int kWarps = kPlanWarps;

__device__ bool has_row(const PlanArguments& arguments, int expert) {
  return expert >= 0 && expert < arguments.shape.experts;
}

// counts_of_block[b, e] = routes of block b to expert e; also clears route_of_row.
__global__ void __launch_bounds__(kThreads)
    count_kernel(PlanArguments arguments, int rows, std::int32_t* counts_of_block) {
  __shared__ int counts[kMaxExperts];
  const int experts = arguments.shape.experts;
  const Share share = share_of_block(arguments.shape, blockIdx.x);
  for (int e = threadIdx.x; e < experts; e += kThreads) counts[e] = 0;
  __syncthreads();
  for (int route = share.begin + threadIdx.x; route < share.end; route += kThreads) {
    const int expert = arguments.ids[route];
    if (has_row(arguments, expert)) atomicAdd(&counts[expert], 1);
  }
  for (int row = blockIdx.x * kThreads + threadIdx.x; row < rows; row += gridDim.x * kThreads)
    arguments.route_of_row[row] = -1;
  __syncthreads();
  for (int e = threadIdx.x; e < experts; e += kThreads)
    counts_of_block[static_cast<std::size_t>(blockIdx.x) * experts + e] = counts[e];
}

// Turns counts_of_block into the first row of each block for each expert; one thread an expert.
__global__ void __launch_bounds__(kMaxExperts)
    start_kernel(PlanArguments arguments, int blocks, std::int32_t* counts_of_block) {
  using Scan = cub::BlockScan<int, kMaxExperts>;
  __shared__ typename Scan::TempStorage storage;
  const int experts = arguments.shape.experts, e = threadIdx.x;
  int used = 0;
  if (e < experts)
    for (int block = 0; block < blocks; ++block)
      used += counts_of_block[static_cast<std::size_t>(block) * experts + e];
  int first = 0, rows = 0;
  Scan(storage).ExclusiveSum(round_up(used, arguments.shape.tile), first, rows);
  if (e == 0) arguments.offsets[experts] = rows;
  if (e >= experts) return;
  arguments.counts[e] = used;
  arguments.offsets[e] = first;
  for (int block = 0; block < blocks; ++block) {
    std::int32_t& cell = counts_of_block[static_cast<std::size_t>(block) * experts + e];
    const int counted = cell;
    cell = first;
    first += counted;
  }
}

// The lanes of this warp whose route goes to the same expert; all lanes call it.
__device__ unsigned lanes_of(int expert) { return __match_any_sync(kAll, expert); }

// next[w, e], in shared memory: the row that warp w's next route to expert e takes.
__global__ void __launch_bounds__(kThreads)
    place_kernel(PlanArguments arguments, const std::int32_t* start_of_block) {
  extern __shared__ int next[];
  const int experts = arguments.shape.experts, lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const Share share = share_of_warp(arguments.shape, blockIdx.x, warp);
  int* mine = next + warp * experts;
  for (int i = threadIdx.x; i < kWarps * experts; i += kThreads) next[i] = 0;
  __syncthreads();
  for (int route = share.begin + lane; route < share.end; route += 32) {
    const int expert = arguments.ids[route];
    if (has_row(arguments, expert)) atomicAdd(&mine[expert], 1);
  }
  __syncthreads();
  for (int e = threadIdx.x; e < experts; e += kThreads) {
    int row = start_of_block[static_cast<std::size_t>(blockIdx.x) * experts + e];
    for (int w = 0; w < kWarps; ++w) {
      const int counted = next[w * experts + e];
      next[w * experts + e] = row;
      row += counted;
    }
  }
  __syncthreads();
  // All lanes take each turn, since they match experts; those behind the end carry none.
  for (int base = share.begin; base < share.end; base += 32) {
    const int route = base + lane;
    const int expert = route < share.end ? arguments.ids[route] : -1;
    const bool placed = has_row(arguments, expert);
    const unsigned equals = lanes_of(placed ? expert : -1);
    const unsigned before = equals & ((1u << lane) - 1);
    const int row = placed ? mine[expert] + __popc(before) : -1;
    __syncwarp();
    if (placed && before == 0) mine[expert] += __popc(equals);
    __syncwarp();
    if (route < share.end) arguments.row_of_route[route] = row;
    if (placed) arguments.route_of_row[row] = route;
  }
}

}  // namespace

void launch_plan(const PlanArguments& arguments, std::int32_t* starts, cudaStream_t stream) {
  const int blocks = plan_blocks(arguments.shape);
  const std::size_t shared = sizeof(int) * kWarps * arguments.shape.experts;  // 32 KB at most
  count_kernel<<<blocks, kThreads, 0, stream>>>(arguments, rows_bound(arguments.shape), starts);
  start_kernel<<<1, kMaxExperts, 0, stream>>>(arguments, blocks, starts);
  place_kernel<<<blocks, kThreads, shared, stream>>>(arguments, starts);
}

}  // namespace moesim::kernels
