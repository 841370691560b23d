// Every call of the CUDA runtime and of cuBLAS goes through one of these.
#pragma once

#include <cublas_v2.h>
#include <cuda_runtime.h>

#include <string>

#include "kernels/error.hpp"

namespace moesim::kernels {

inline void check_call(cudaError_t status, const char* call, const char* file, int line) {
  if (status == cudaSuccess) return;
  throw DeviceError(std::string(file) + ":" + std::to_string(line) + ": " + call + ": " +
                    cudaGetErrorString(status));
}

inline void check_call(cublasStatus_t status, const char* call, const char* file, int line) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  throw DeviceError(std::string(file) + ":" + std::to_string(line) + ": " + call + ": " +
                    cublasGetStatusString(status));
}

}  // namespace moesim::kernels

#define CUDA_CHECK(call) ::moesim::kernels::check_call((call), #call, __FILE__, __LINE__)
