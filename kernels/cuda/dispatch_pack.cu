// Dispatch: rows of the send buffer, in bf16 or in fp8 with a scale for each 1 x 128.
//
// What it computes. rows[r] = hidden[route_of_row[r] / top_k], zeros for padding; the same for the
// rows of experts and for the rows that go to other ranks (pack_arguments.hpp).
// CPU reference. reference/pack.cpp.
// Simple version. One thread for each number: 2-byte accesses, and a division for each.
// Fast version (here). One warp for each row, 16 bytes a lane, four of them in flight; the number
// of rows is read from the plan on the device, so that nothing waits for the host. Fp8: a warp
// holds 128 numbers, four a lane, and shuffles give their largest magnitude. What limits it.
// Memory: each row is read once (a token's rows mostly from the second-level cache) and written
// once.
#include "kernels/block_scale.hpp"
#include "kernels/cuda/launches.hpp"
#include "kernels/cuda/row_vector.cuh"

namespace moesim::kernels {
namespace {

constexpr unsigned kAll = 0xffffffffu;
constexpr int kThreads = 256;
constexpr int kWarps = kThreads / 32;

__global__ void __launch_bounds__(kThreads) destinations_kernel(DestinationArguments arguments) {
  const int token = blockIdx.x * kThreads + threadIdx.x;
  if (token >= arguments.tokens) return;
  const std::size_t first = static_cast<std::size_t>(token) * arguments.top_k;
  for (int j = 0; j < arguments.top_k; ++j) {
    const int id = arguments.ids[first + j];
    const int rank = id < 0 ? -1 : id / arguments.experts_per_rank;
    bool repeated = false;
    for (int i = 0; i < j; ++i) {
      const int earlier = arguments.ids[first + i];
      repeated |= earlier >= 0 && earlier / arguments.experts_per_rank == rank;
    }
    arguments.destinations[first + j] = arguments.once_per_rank && repeated ? -1 : rank;
  }
}

// The token's row of `hidden`, or null for padding.
__device__ const Bf16* source_of(const PackArguments& arguments, int row) {
  const int route = arguments.route_of_row[row];
  if (route < 0) return nullptr;
  return arguments.hidden +
         static_cast<std::size_t>(route / arguments.shape.top_k) * arguments.hidden_size;
}

__global__ void __launch_bounds__(kThreads) pack_kernel(PackArguments arguments) {
  constexpr int kInFlight = 4;
  const int lane = threadIdx.x % 32;
  const int rows = arguments.offsets[arguments.shape.experts];
  const int vectors = arguments.hidden_size / kRowVector;
  for (int row = blockIdx.x * kWarps + threadIdx.x / 32; row < rows; row += gridDim.x * kWarps) {
    const Bf16* source = source_of(arguments, row);
    Bf16* target = arguments.rows + static_cast<std::size_t>(row) * arguments.hidden_size;
    for (int begin = lane; begin < vectors; begin += 32 * kInFlight) {
      uint4 values[kInFlight];
#pragma unroll
      for (int i = 0; i < kInFlight; ++i) {
        const int vector = begin + 32 * i;
        values[i] = make_uint4(0, 0, 0, 0);
        if (source != nullptr && vector < vectors) values[i] = load_vector(source, vector);
      }
#pragma unroll
      for (int i = 0; i < kInFlight; ++i)
        if (begin + 32 * i < vectors) store_vector(target, begin + 32 * i, values[i]);
    }
  }
}

// A warp turns 128 numbers into fp8; null stands for zeros. All lanes call it.
__device__ void quantize_block(const Bf16* source, int lane, Fp8* target, float* scale) {
  uint2 words = make_uint2(0, 0);
  if (source != nullptr) words = __ldg(reinterpret_cast<const uint2*>(source) + lane);
  const float values[4] = {low_of(words.x), high_of(words.x), low_of(words.y), high_of(words.y)};
  float largest = 0;
#pragma unroll
  for (int i = 0; i < 4; ++i) largest = fmaxf(largest, fabsf(values[i]));
  for (int distance = 16; distance > 0; distance /= 2)
    largest = fmaxf(largest, __shfl_xor_sync(kAll, largest, distance));
  const float of_all = scale_for(largest);
  unsigned packed = 0;
#pragma unroll
  for (int i = 0; i < 4; ++i)
    packed |= static_cast<unsigned>(to_fp8(values[i] / of_all).bits) << (8 * i);
  reinterpret_cast<unsigned*>(target)[lane] = packed;
  if (lane == 0) *scale = of_all;
}

__global__ void __launch_bounds__(kThreads) pack_fp8_kernel(PackArguments arguments) {
  const int lane = threadIdx.x % 32;
  const int rows = arguments.offsets[arguments.shape.experts];
  const int blocks = arguments.hidden_size / kScaleBlock;
  for (int row = blockIdx.x * kWarps + threadIdx.x / 32; row < rows; row += gridDim.x * kWarps) {
    const Bf16* source = source_of(arguments, row);
    const std::size_t first = static_cast<std::size_t>(row) * blocks;
    for (int block = 0; block < blocks; ++block)
      quantize_block(source == nullptr ? nullptr : source + block * kScaleBlock, lane,
                     arguments.fp8_rows + (first + block) * kScaleBlock,
                     arguments.scales + first + block);
  }
}

__global__ void __launch_bounds__(kThreads)
    quantize_kernel(const Bf16* rows, long blocks, Fp8* fp8_rows, float* scales) {
  const long block = static_cast<long>(blockIdx.x) * kWarps + threadIdx.x / 32;
  if (block >= blocks) return;  // whole warps
  quantize_block(rows + block * kScaleBlock, threadIdx.x % 32, fp8_rows + block * kScaleBlock,
                 scales + block);
}

}  // namespace

void launch_destinations(const DestinationArguments& arguments, cudaStream_t stream) {
  if (arguments.tokens == 0) return;
  destinations_kernel<<<ceil_div(arguments.tokens, kThreads), kThreads, 0, stream>>>(arguments);
}

void launch_pack(const PackArguments& arguments, int processors, cudaStream_t stream) {
  const int rows = rows_bound(arguments.shape);
  if (rows == 0) return;
  const int needed = ceil_div(rows, kWarps), most = 8 * processors;
  const int blocks = needed < most ? needed : most;
  if (arguments.fp8_rows != nullptr)
    pack_fp8_kernel<<<blocks, kThreads, 0, stream>>>(arguments);
  else
    pack_kernel<<<blocks, kThreads, 0, stream>>>(arguments);
}

void launch_quantize(const Bf16* rows, long count, int width, Fp8* fp8_rows, float* scales,
                     cudaStream_t stream) {
  const long blocks = count * (width / kScaleBlock);
  if (blocks == 0) return;
  const long grid = (blocks + kWarps - 1) / kWarps;
  quantize_kernel<<<static_cast<unsigned>(grid), kThreads, 0, stream>>>(rows, blocks, fp8_rows,
                                                                        scales);
}

}  // namespace moesim::kernels
