// What lies between the two products where a library multiplies: SwiGLU or ReLU.
//
// What it computes. inner[r, i] = silu(up[r, i]) * up[r, I + i]; or values[i] = max(values[i], 0).
// CPU reference. reference/expert_ffn.cpp, activate().
// Simple version. One thread for each number.
// Fast version (here). One thread for each 8 numbers, 16 bytes an access. The own grouped GEMM does
// this in its last step, where it costs no pass over memory.
// What limits it. Memory: 3 numbers moved (ReLU: 2) for each result.
#include "kernels/cuda/gemm_launch.hpp"
#include "kernels/cuda/row_vector.cuh"

namespace moesim::kernels {
namespace {

constexpr int kThreads = 256;

__global__ void __launch_bounds__(kThreads)
    swiglu_kernel(const Bf16* up, long vectors, int vectors_of_row, Bf16* inner) {
  const long at = static_cast<long>(blockIdx.x) * kThreads + threadIdx.x;
  if (at >= vectors) return;
  const long row = at / vectors_of_row;
  const int vector = static_cast<int>(at % vectors_of_row);
  const Bf16* source = up + row * 2 * vectors_of_row * kRowVector;
  float gate[kRowVector], value[kRowVector];
  unpack(load_vector(source, vector), gate);
  unpack(load_vector(source, vectors_of_row + vector), value);
#pragma unroll
  for (int i = 0; i < kRowVector; ++i) value[i] *= gate[i] / (1.0f + __expf(-gate[i]));
  store_vector(inner + row * vectors_of_row * kRowVector, vector, pack(value));
}

__global__ void __launch_bounds__(kThreads) relu_kernel(Bf16* values, long vectors) {
  const long at = static_cast<long>(blockIdx.x) * kThreads + threadIdx.x;
  if (at >= vectors) return;
  float value[kRowVector];
  uint4* address = reinterpret_cast<uint4*>(values) + at;
  unpack(*address, value);
#pragma unroll
  for (int i = 0; i < kRowVector; ++i) value[i] = fmaxf(value[i], 0.0f);
  *address = pack(value);
}

unsigned blocks_for(long vectors) {
  return static_cast<unsigned>((vectors + kThreads - 1) / kThreads);
}

}  // namespace

void launch_swiglu(const Bf16* up, long rows, int width, Bf16* inner, cudaStream_t stream) {
  const long vectors = rows * (width / kRowVector);
  if (vectors == 0) return;
  swiglu_kernel<<<blocks_for(vectors), kThreads, 0, stream>>>(up, vectors, width / kRowVector,
                                                              inner);
}

void launch_relu(Bf16* values, long count, cudaStream_t stream) {
  const long vectors = count / kRowVector;
  if (vectors == 0) return;
  relu_kernel<<<blocks_for(vectors), kThreads, 0, stream>>>(values, vectors);
}

}  // namespace moesim::kernels
