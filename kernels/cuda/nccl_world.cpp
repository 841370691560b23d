#include "kernels/cuda/nccl_world.hpp"

#include <nccl.h>

#include <algorithm>
#include <span>
#include <vector>

#include "kernels/cuda/cuda_check.hpp"

namespace moesim::kernels {
namespace {

void check_nccl(ncclResult_t status, const char* call) {
  if (status != ncclSuccess)
    throw DeviceError(std::string(call) + ": " + ncclGetErrorString(status));
}

// One GPU of the world, with its own stream, clock and buffers.
class Rank {
 public:
  Rank(int device, int ranks) : device_(device), ranks_(ranks) {
    CUDA_CHECK(cudaSetDevice(device_));
    CUDA_CHECK(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking));
    CUDA_CHECK(cudaEventCreate(&begin_));
    CUDA_CHECK(cudaEventCreate(&end_));
  }
  ~Rank() {
    cudaSetDevice(device_);
    cudaFree(source_);
    cudaFree(target_);
    if (begin_ != nullptr) cudaEventDestroy(begin_);
    if (end_ != nullptr) cudaEventDestroy(end_);
    if (stream_ != nullptr) cudaStreamDestroy(stream_);
  }
  Rank(const Rank&) = delete;
  Rank& operator=(const Rank&) = delete;

  // Source block p (of as many as there are ranks) is filled with 100 * this rank + p. No
  // collective writes there.
  void fill(std::size_t count) {
    if (count == count_) return;
    CUDA_CHECK(cudaSetDevice(device_));
    cudaFree(source_);
    cudaFree(target_);
    source_ = target_ = nullptr;
    CUDA_CHECK(cudaMalloc(&source_, count * sizeof(float)));
    CUDA_CHECK(cudaMalloc(&target_, count * sizeof(float)));
    count_ = count;
    std::vector<float> values(count);
    for (std::size_t i = 0; i < count; ++i)
      values[i] = static_cast<float>(100 * device_ + static_cast<int>(i / (count / ranks_)));
    CUDA_CHECK(cudaMemcpy(source_, values.data(), count * sizeof(float), cudaMemcpyHostToDevice));
  }

  void start(CollectiveKind kind, ncclComm_t communicator) const {
    if (kind == CollectiveKind::kAllReduce) {
      check_nccl(ncclAllReduce(source_, target_, count_, ncclFloat, ncclSum, communicator, stream_),
                 "ncclAllReduce");
      return;
    }
    const std::size_t block = count_ / ranks_;
    for (int peer = 0; peer < ranks_; ++peer) {
      check_nccl(ncclSend(source_ + peer * block, block, ncclFloat, peer, communicator, stream_),
                 "ncclSend");
      check_nccl(ncclRecv(target_ + peer * block, block, ncclFloat, peer, communicator, stream_),
                 "ncclRecv");
    }
  }

  void expect_result(CollectiveKind kind) const {
    CUDA_CHECK(cudaSetDevice(device_));
    CUDA_CHECK(cudaStreamSynchronize(stream_));
    std::vector<float> values(count_);
    CUDA_CHECK(cudaMemcpy(values.data(), target_, count_ * sizeof(float), cudaMemcpyDeviceToHost));
    for (std::size_t i = 0; i < count_; ++i) {
      const int block = static_cast<int>(i / (count_ / ranks_));
      const int sum = 100 * ranks_ * (ranks_ - 1) / 2 + ranks_ * block;
      const int wanted = kind == CollectiveKind::kAllReduce ? sum : 100 * block + device_;
      if (values[i] != static_cast<float>(wanted))
        throw DeviceError("NCCL gave rank " + std::to_string(device_) + " a wrong result");
    }
  }

  void mark(bool end) const {
    CUDA_CHECK(cudaSetDevice(device_));
    CUDA_CHECK(cudaEventRecord(end ? end_ : begin_, stream_));
  }

  double seconds() const {
    CUDA_CHECK(cudaSetDevice(device_));
    CUDA_CHECK(cudaEventSynchronize(end_));
    float milliseconds = 0;
    CUDA_CHECK(cudaEventElapsedTime(&milliseconds, begin_, end_));
    return milliseconds * 1e-3;
  }

 private:
  int device_ = 0, ranks_ = 0;
  cudaStream_t stream_ = nullptr;
  cudaEvent_t begin_ = nullptr, end_ = nullptr;
  float* source_ = nullptr;
  float* target_ = nullptr;
  std::size_t count_ = 0;
};

class NcclWorld : public CollectiveWorld {
 public:
  explicit NcclWorld(int ranks) : communicators_(ranks) {
    for (int rank = 0; rank < ranks; ++rank) ranks_.push_back(std::make_unique<Rank>(rank, ranks));
    check_nccl(ncclCommInitAll(communicators_.data(), ranks, nullptr), "ncclCommInitAll");
  }
  ~NcclWorld() override {
    for (const ncclComm_t communicator : communicators_)
      if (communicator != nullptr) ncclCommDestroy(communicator);
    cudaSetDevice(0);  // on which the other kernels run
  }
  NcclWorld(const NcclWorld&) = delete;
  NcclWorld& operator=(const NcclWorld&) = delete;

  int ranks() const override { return static_cast<int>(ranks_.size()); }

  double seconds(CollectiveKind kind, std::size_t bytes, int repetitions) override {
    const std::size_t multiple = sizeof(float) * ranks_.size();
    require(bytes > 0 && bytes % multiple == 0,
            "the bytes of a collective must be a multiple of " + std::to_string(multiple));
    for (const auto& rank : ranks_) rank->fill(bytes / sizeof(float));
    start(kind);
    for (const auto& rank : ranks_) rank->expect_result(kind);
    for (const auto& rank : ranks_) rank->mark(false);
    for (int i = 0; i < repetitions; ++i) start(kind);
    for (const auto& rank : ranks_) rank->mark(true);
    double slowest = 0;
    for (const auto& rank : ranks_) slowest = std::max(slowest, rank->seconds());
    CUDA_CHECK(cudaSetDevice(0));
    return slowest / repetitions;
  }

 private:
  void start(CollectiveKind kind) const {
    check_nccl(ncclGroupStart(), "ncclGroupStart");
    for (std::size_t i = 0; i < ranks_.size(); ++i) ranks_[i]->start(kind, communicators_[i]);
    check_nccl(ncclGroupEnd(), "ncclGroupEnd");
  }

  std::vector<std::unique_ptr<Rank>> ranks_;
  std::vector<ncclComm_t> communicators_;
};

}  // namespace

std::unique_ptr<CollectiveWorld> make_nccl_world(std::string* why) {
  int devices = 0;
  if (cudaGetDeviceCount(&devices) != cudaSuccess) devices = 0;
  if (devices < 2) {
    if (why != nullptr) *why = "collectives need two GPUs; visible: " + std::to_string(devices);
    return nullptr;
  }
  return std::make_unique<NcclWorld>(devices);
}

}  // namespace moesim::kernels
