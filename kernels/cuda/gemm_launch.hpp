// The own grouped GEMM, as the host calls it.
#pragma once

#include <cuda_runtime_api.h>

#include "kernels/cuda/gemm_tiles.hpp"

namespace moesim::kernels {

// What becomes of the sums before they are rounded to bf16.
enum class Activation { kNone, kRelu, kSwiGlu };

// C[rows of e x columns] = activation(A[rows of e x depth] B_e[outputs x depth]^T), sums in
// float32. kSwiGlu: B_e has the rows of the gate, then those of up; columns = outputs / 2, else
// outputs. Addresses are of the device, matrices 16-byte aligned.
struct GemmArguments {
  int experts = 0;                      // 1 .. 1024
  int outputs = 0;                      // a multiple of 64; kSwiGlu and fp8: of 128
  int depth = 0;                        // numbers; a multiple of 64, fp8: of 128
  const void* a = nullptr;              // [rows x depth], Bf16 or Fp8
  const void* b = nullptr;              // [experts x outputs x depth]
  const float* a_scales = nullptr;      // fp8: [rows x depth / 128]
  const float* b_scales = nullptr;      // fp8: [experts x outputs / 128 x depth / 128]
  const int* rows_of_expert = nullptr;  // [experts]
  const int* first_row = nullptr;       // [experts], in A and C
  Activation activation = Activation::kNone;
  Bf16* c = nullptr;  // [rows x columns]
};

// Lets the kernels use the shared memory they need, and tells how many blocks one multiprocessor
// runs at once: the grid of a persistent kernel is that for each. 0 where `shared_bytes`, what a
// block may have on this device, is too little. Call it once on each device.
cudaError_t prepare_gemm_bf16(int shared_bytes, int* blocks_of_processor);
cudaError_t prepare_gemm_fp8(int shared_bytes, int* blocks_of_processor);

void launch_gemm_bf16(const GemmArguments& arguments, int blocks, cudaStream_t stream);
void launch_gemm_fp8(const GemmArguments& arguments, int blocks, cudaStream_t stream);

// inner[r, i] = silu(up[r, i]) * up[r, width + i]; activation.cu. width: a multiple of 8.
void launch_swiglu(const Bf16* up, long rows, int width, Bf16* inner, cudaStream_t stream);
// values[i] = max(values[i], 0); count: a multiple of 8.
void launch_relu(Bf16* values, long count, cudaStream_t stream);

}  // namespace moesim::kernels
