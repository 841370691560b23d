// The grouped GEMM in bf16 (grouped_gemm.cuh).
#include "kernels/cuda/grouped_gemm.cuh"

namespace moesim::kernels {

cudaError_t prepare_gemm_bf16(int shared_bytes, int* blocks_of_processor) {
  return prepare<Dtype::kBf16>(shared_bytes, blocks_of_processor);
}

void launch_gemm_bf16(const GemmArguments& arguments, int blocks, cudaStream_t stream) {
  launch_gemm<Dtype::kBf16>(arguments, blocks, stream);
}

}  // namespace moesim::kernels
