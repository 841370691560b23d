// Combine and un-permute: the weighted sum of the rows that belong to a token.
//
// What it computes. hidden[t] = sum over choices j, in order, of weight * rows[row_of_route[t, j]]
// (pack_arguments.hpp): un-permute on one GPU, the sums that a rank sends back, and, with all
// weights 1, the sum of what ranks sent.
// CPU reference. reference/pack.cpp.
// Simple version. One thread for each number, which walks over the k rows.
// Fast version (here). One block for each token; its k rows and weights wait in shared memory, each
// thread sums 8 columns with 16-byte (bf16) or 8-byte (fp8) loads, in float32, and writes once.
// Rows are summed in the order of choices, so that a result does not depend on timing.
// What limits it. Memory: k rows read for each row written.
#include "kernels/cuda/launches.hpp"
#include "kernels/cuda/row_vector.cuh"

namespace moesim::kernels {
namespace {

constexpr int kThreads = 256;

__device__ void read_row(const CombineArguments& arguments, int row, int vector,
                         float (&values)[kRowVector]) {
  const std::size_t first = static_cast<std::size_t>(row) * arguments.hidden_size;
  if (arguments.rows != nullptr) {
    unpack(load_vector(arguments.rows + first, vector), values);
    return;
  }
  const uint2 packed = __ldg(reinterpret_cast<const uint2*>(arguments.fp8_rows + first) + vector);
  const float scale = __ldg(arguments.scales + (first + vector * kRowVector) / kScaleBlock);
#pragma unroll
  for (int i = 0; i < kRowVector; ++i) {
    const unsigned word = i < 4 ? packed.x : packed.y;
    const Fp8 number{static_cast<std::uint8_t>(word >> (8 * (i % 4)))};
    values[i] = to_float(number) * scale;
  }
}

__global__ void __launch_bounds__(kThreads) combine_kernel(CombineArguments arguments) {
  __shared__ int rows[kMaxTopK];
  __shared__ float weights[kMaxTopK];
  const int choices = arguments.shape.top_k;
  const std::size_t token = blockIdx.x;
  if (threadIdx.x < choices) {
    const std::size_t route = token * choices + threadIdx.x;
    rows[threadIdx.x] = arguments.row_of_route[route];
    weights[threadIdx.x] = arguments.weights == nullptr ? 1.0f : arguments.weights[route];
  }
  __syncthreads();
  Bf16* target = arguments.hidden + token * arguments.hidden_size;
  for (int vector = threadIdx.x; vector < arguments.hidden_size / kRowVector; vector += kThreads) {
    float total[kRowVector] = {};
    for (int j = 0; j < choices; ++j) {
      if (rows[j] < 0) continue;
      float values[kRowVector];
      read_row(arguments, rows[j], vector, values);
#pragma unroll
      for (int i = 0; i < kRowVector; ++i) total[i] += weights[j] * values[i];
    }
    store_vector(target, vector, pack(total));
  }
}

}  // namespace

void launch_combine(const CombineArguments& arguments, cudaStream_t stream) {
  if (arguments.shape.tokens == 0) return;
  combine_kernel<<<arguments.shape.tokens, kThreads, 0, stream>>>(arguments);
}

}  // namespace moesim::kernels
