// One GPU: its memory, two streams, and a cuBLAS handle for each stream.
#pragma once

#include <cublas_v2.h>
#include <cuda_runtime.h>

#include <array>
#include <functional>
#include <memory>

#include "kernels/device.hpp"

namespace moesim::kernels {

class CudaDevice : public Device {
 public:
  CudaDevice();
  ~CudaDevice() override;
  CudaDevice(const CudaDevice&) = delete;
  CudaDevice& operator=(const CudaDevice&) = delete;

  const DeviceFacts& facts() const override { return facts_; }
  DeviceHealth health() const override;
  Buffer allocate(std::size_t bytes) override;
  Buffer allocate_host(std::size_t bytes) override;
  void upload(const Buffer& target, std::span<const std::byte> source) override;
  void download(std::span<std::byte> target, const Buffer& source) override;
  void wait(Stream waiter, Stream awaited) override;
  void synchronize() override;
  std::unique_ptr<Graph> capture(std::function<void()> body) override;
  double seconds(Stream stream, const std::function<void()>& body) override;
  double seconds(Graph& graph) override;
  void flush_cache(Stream stream) override;

  cudaStream_t stream(Stream which) const { return streams_[static_cast<int>(which)]; }
  cublasHandle_t blas(Stream which) const { return handles_[static_cast<int>(which)]; }
  // Of a block that asks for it with cudaFuncSetAttribute.
  int shared_bytes() const { return shared_bytes_; }

 private:
  void read_facts(const cudaDeviceProp& properties);

  DeviceFacts facts_;
  int shared_bytes_ = 0;
  std::array<cudaStream_t, 2> streams_{};
  std::array<cublasHandle_t, 2> handles_{};
  std::array<Buffer, 2> workspaces_;
  cudaEvent_t begin_ = nullptr, end_ = nullptr, order_ = nullptr;
  Buffer flush_;
  int flushed_ = 0;
};

// Work that starts kernels in the CUDA stream it is given.
std::unique_ptr<Work> launch(std::shared_ptr<CudaDevice> device,
                             std::function<void(cudaStream_t)> function);

}  // namespace moesim::kernels
