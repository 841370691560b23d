// The own grouped GEMM: one persistent kernel for all experts of a ragged batch.
//
// What it computes. GemmArguments: C = activation(A B_e^T) for the rows of each expert e.
// CPU reference. reference/expert_ffn.cpp.
// Simple version. One kernel for each expert: experts with few rows leave most multiprocessors idle
// and pay a launch each.
// Fast version (here). A grid that fits the device walks over the tiles of all experts; each block
// finds its tiles itself from the rows of experts, which only the device need know. A tile is 128
// outputs by 16, 64 or 128 rows, so that an expert with few rows does not multiply padding. Three
// stages of shared memory are filled by cp.async, swizzled so that ldmatrix meets no bank conflict;
// eight warps multiply with mma.sync. Gate and up meet in one thread, so SwiGLU costs no pass over
// memory. Fp8: the sums of 128 numbers are scaled and added up in float32 (block scales).
// What limits it. Few rows: reading the weights once. Many rows: mma.sync reaches about half to two
// thirds of what wgmma does on Hopper (by its issue rate; not measured here), and results are
// stored 4 bytes at a time.
#pragma once

#include "kernels/cuda/gemm_schedule.cuh"
#include "kernels/cuda/tensor_core.cuh"

namespace moesim::kernels {

template <Dtype kDtype, OutputOrder kOrder, int kRows>
struct TileRun {
  static constexpr WarpGrid kGrid = warp_grid(kRows);
  static constexpr int kDown = kGrid.rows / 16;      // 16 x 8 results of a warp, one above another
  static constexpr int kAcross = kGrid.outputs / 8;  // and beside one another
  using Sums = float[kDown][kAcross][4];

  const GemmArguments& arguments;
  GemmTile tile;
  int rows;                  // of the expert
  std::size_t first_row;     // of the expert, in A and C
  std::size_t first_weight;  // row of the expert in B
  std::uint32_t stages;      // address in shared memory

  __device__ int depth_bytes() const {
    return arguments.depth * static_cast<int>(bytes_of(kDtype));
  }
  __device__ int lane() const { return threadIdx.x % 32; }
  // The warp's first row and output within the tile.
  __device__ int first_of_rows() const { return warp_row(kGrid, threadIdx.x / 32); }
  __device__ int first_of_outputs() const { return warp_output(kGrid, threadIdx.x / 32); }

  // Starts the copies of stage `step`: 128 bytes of each row of A and B.
  __device__ void load(int step) const {
    const std::uint32_t room = stages + step % kStages * kStageRoom;
    const std::size_t length = depth_bytes(),
                      skipped = static_cast<std::size_t>(step) * kStageBytes;
    const char* a = static_cast<const char*>(arguments.a);
    for (int i = threadIdx.x; i < kRows * kChunks; i += kGemmThreads) {
      const int row = i / kChunks, chunk = i % kChunks;
      const bool valid = tile.first_row + row < rows;
      const std::size_t from = (first_row + tile.first_row + row) * length + skipped;
      copy_chunk(room + chunk_offset(row, chunk), valid ? a + from + chunk * kChunkBytes : a,
                 valid);
    }
    const char* b = static_cast<const char*>(arguments.b);
    for (int i = threadIdx.x; i < kTileOutputs * kChunks; i += kGemmThreads) {
      const int row = i / kChunks, chunk = i % kChunks;
      const int index = tile.first_output + row;
      const bool valid = index < arguments.outputs;
      const std::size_t from =
          (first_weight + weight_row(kOrder, arguments.outputs, index)) * length + skipped;
      copy_chunk(room + 128 * kStageBytes + chunk_offset(row, chunk),
                 valid ? b + from + chunk * kChunkBytes : b, valid);
    }
  }

  // 16 x 32 bytes of A from the stage at `room`, `i`-th down, as mma wants them.
  __device__ void load_a(std::uint32_t room, int i, int chunk, std::uint32_t (&a)[4]) const {
    load_matrices(room + a_fragment_offset(first_of_rows() + 16 * i, chunk, lane()), a);
  }
  // 32 bytes of 16 outputs, `j`-th across and the next.
  __device__ void load_b(std::uint32_t room, int j, int chunk, std::uint32_t (&b)[4]) const {
    load_matrices(
        room + 128 * kStageBytes + b_fragment_offset(first_of_outputs() + 8 * j, chunk, lane()), b);
  }

  // Bf16: sums += A B^T over a stage.
  __device__ void multiply(std::uint32_t room, Sums& sums) const {
#pragma unroll
    for (int chunk = 0; chunk < kChunks; chunk += 2) {
      std::uint32_t a[kDown][4];
#pragma unroll
      for (int i = 0; i < kDown; ++i) load_a(room, i, chunk, a[i]);
#pragma unroll
      for (int j = 0; j < kAcross; j += 2) {
        std::uint32_t b[4];
        load_b(room, j, chunk, b);
#pragma unroll
        for (int i = 0; i < kDown; ++i) {
          multiply_bf16(a[i], b[0], b[1], sums[i][j]);
          multiply_bf16(a[i], b[2], b[3], sums[i][j + 1]);
        }
      }
    }
  }

  // The scales of stage `step`: of this lane's rows of A, and of two neighbouring groups of eight
  // outputs, which stand for all of the tile (kGated: gates and ups take turns).
  __device__ void read_scales(int step, float (&of_row)[kDown][2], float (&of_output)[2]) const {
    const int blocks = arguments.depth / kScaleBlock;
#pragma unroll
    for (int i = 0; i < 2 * kDown; ++i) {
      const int row = tile.first_row + first_of_rows() + 16 * (i / 2) + lane() / 4 + 8 * (i % 2);
      of_row[i / 2][i % 2] =
          row < rows ? __ldg(arguments.a_scales + (first_row + row) * blocks + step) : 0.0f;
    }
#pragma unroll
    for (int j = 0; j < 2; ++j) {
      const int row = weight_row(kOrder, arguments.outputs, tile.first_output + 8 * j);
      of_output[j] = __ldg(arguments.b_scales + (first_weight + row) / kScaleBlock * blocks + step);
    }
  }

  // Fp8: the sums of stage `step` alone, times their scales, are added to `sums`.
  __device__ void multiply_scaled(std::uint32_t room, int step, Sums& sums) const {
    float of_row[kDown][2], of_output[2];
    read_scales(step, of_row, of_output);
    std::uint32_t a[kDown][kChunks / 2][4];
#pragma unroll
    for (int i = 0; i < kDown; ++i)
#pragma unroll
      for (int chunk = 0; chunk < kChunks; chunk += 2) load_a(room, i, chunk, a[i][chunk / 2]);
#pragma unroll
    for (int j = 0; j < kAcross; j += 2) {
      float part[kDown][2][4] = {};
#pragma unroll
      for (int chunk = 0; chunk < kChunks; chunk += 2) {
        std::uint32_t b[4];
        load_b(room, j, chunk, b);
#pragma unroll
        for (int i = 0; i < kDown; ++i) {
          multiply_fp8(a[i][chunk / 2], b[0], b[1], part[i][0]);
          multiply_fp8(a[i][chunk / 2], b[2], b[3], part[i][1]);
        }
      }
#pragma unroll
      for (int i = 0; i < kDown; ++i)
#pragma unroll
        for (int s = 0; s < 8; ++s)
          sums[i][j + s / 4][s % 4] +=
              part[i][s / 4][s % 4] * (of_row[i][s % 4 / 2] * of_output[s / 4]);
    }
  }

  // Two neighbouring columns of C.
  __device__ void store(int row, int index, float first, float second) const {
    if (row >= rows || index >= arguments.outputs) return;
    const int columns = kOrder == OutputOrder::kGated ? arguments.outputs / 2 : arguments.outputs;
    const int column = output_column(kOrder, index) + 2 * (lane() % 4);
    const unsigned packed = to_bf16(first).bits | static_cast<unsigned>(to_bf16(second).bits) << 16;
    *reinterpret_cast<unsigned*>(arguments.c + (first_row + row) * columns + column) = packed;
  }

  __device__ static float silu(float x) { return x / (1.0f + __expf(-x)); }

  __device__ void finish(const Sums& sums) const {
    const bool relu = arguments.activation == Activation::kRelu;
#pragma unroll
    for (int i = 0; i < kDown; ++i)
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const int row = tile.first_row + first_of_rows() + 16 * i + lane() / 4 + 8 * half;
#pragma unroll
        for (int j = 0; j < kAcross; j += kOrder == OutputOrder::kGated ? 2 : 1) {
          float first = sums[i][j][2 * half], second = sums[i][j][2 * half + 1];
          if constexpr (kOrder == OutputOrder::kGated) {
            first = silu(first) * sums[i][j + 1][2 * half];
            second = silu(second) * sums[i][j + 1][2 * half + 1];
          } else if (relu) {
            first = fmaxf(first, 0.0f);
            second = fmaxf(second, 0.0f);
          }
          store(row, tile.first_output + first_of_outputs() + 8 * j, first, second);
        }
      }
  }

  // Stage s + 2 is filled while stage s is multiplied. All threads of the block call it.
  __device__ void run() const {
    const int steps = depth_bytes() / kStageBytes;
    Sums sums = {};
    for (int step = 0; step < kStages - 1; ++step) {
      if (step < steps) load(step);
      commit_copies();
    }
    for (int step = 0; step < steps; ++step) {
      wait_for_copies<kStages - 2>();
      __syncthreads();  // this stage has come, and the one before it has been multiplied by all
      if (step + kStages - 1 < steps) load(step + kStages - 1);
      commit_copies();
      const std::uint32_t room = stages + step % kStages * kStageRoom;
      if constexpr (kDtype == Dtype::kBf16)
        multiply(room, sums);
      else
        multiply_scaled(room, step, sums);
    }
    wait_for_copies<0>();
    __syncthreads();  // the next tile may overwrite the stages
    finish(sums);
  }
};

template <Dtype kDtype, OutputOrder kOrder>
__global__ void __launch_bounds__(kGemmThreads, kDtype == Dtype::kBf16 ? 2 : 1)
    gemm_kernel(const __grid_constant__ GemmArguments arguments) {
  extern __shared__ __align__(128) unsigned char memory[];
  int* numbers = reinterpret_cast<int*>(memory + kStages * kStageRoom);
  const GemmSchedule schedule{.rows_of_expert = numbers, .first_tile = numbers + kGemmMaxExperts};
  make_schedule(arguments, schedule);
  const std::uint32_t stages = static_cast<std::uint32_t>(__cvta_generic_to_shared(memory));
  const int tiles = schedule.first_tile[arguments.experts];
  for (int at = blockIdx.x; at < tiles; at += gridDim.x) {
    const GemmTile tile =
        tile_at(schedule.first_tile, schedule.rows_of_expert, arguments.experts, at);
    const int rows = schedule.rows_of_expert[tile.expert];
    const std::size_t first_row = arguments.first_row[tile.expert];
    const std::size_t first_weight = static_cast<std::size_t>(tile.expert) * arguments.outputs;
    const int height = tile_rows(rows);
    if (height == 16)
      TileRun<kDtype, kOrder, 16>{arguments, tile, rows, first_row, first_weight, stages}.run();
    else if (height == 64)
      TileRun<kDtype, kOrder, 64>{arguments, tile, rows, first_row, first_weight, stages}.run();
    else
      TileRun<kDtype, kOrder, 128>{arguments, tile, rows, first_row, first_weight, stages}.run();
  }
}

// The kernel for the arguments' activation.
template <Dtype kDtype>
void launch_gemm(const GemmArguments& arguments, int blocks, cudaStream_t stream) {
  if (arguments.activation == Activation::kSwiGlu)
    gemm_kernel<kDtype, OutputOrder::kGated>
        <<<blocks, kGemmThreads, kGemmSharedBytes, stream>>>(arguments);
  else
    gemm_kernel<kDtype, OutputOrder::kPlain>
        <<<blocks, kGemmThreads, kGemmSharedBytes, stream>>>(arguments);
}

// Lets both kernels use their shared memory, and counts the blocks of one multiprocessor.
template <Dtype kDtype>
cudaError_t prepare(int shared_bytes, int* blocks_of_processor) {
  *blocks_of_processor = 0;
  if (shared_bytes < kGemmSharedBytes) return cudaSuccess;
  int least = 1 << 20;
  for (const auto kernel :
       {gemm_kernel<kDtype, OutputOrder::kPlain>, gemm_kernel<kDtype, OutputOrder::kGated>}) {
    int blocks = 0;
    cudaError_t status =
        cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kGemmSharedBytes);
    if (status == cudaSuccess)
      status = cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, kernel, kGemmThreads,
                                                             kGemmSharedBytes);
    if (status != cudaSuccess) return status;
    if (blocks < least) least = blocks;
  }
  *blocks_of_processor = least;
  return cudaSuccess;
}

}  // namespace moesim::kernels
