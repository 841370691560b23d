// The grouped GEMM in fp8 with block scales (grouped_gemm.cuh).
#include "kernels/cuda/grouped_gemm.cuh"

namespace moesim::kernels {

cudaError_t prepare_gemm_fp8(int shared_bytes, int* blocks_of_processor) {
  return prepare<Dtype::kFp8Block>(shared_bytes, blocks_of_processor);
}

void launch_gemm_fp8(const GemmArguments& arguments, int blocks, cudaStream_t stream) {
  launch_gemm<Dtype::kFp8Block>(arguments, blocks, stream);
}

}  // namespace moesim::kernels
