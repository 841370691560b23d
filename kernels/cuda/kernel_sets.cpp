// The sets of kernels on a GPU, as far as they only check and launch.
#include "kernels/cuda/cuda_backend.hpp"
#include "kernels/cuda/cuda_check.hpp"
#include "kernels/cuda/launches.hpp"
#include "kernels/cuda/plan_share.hpp"

namespace moesim::kernels {
namespace {

using Device = std::shared_ptr<CudaDevice>;

// cuBLAS counts columns first: logits^T [experts x tokens] = router [experts x H] hidden^T.
class LogitsWork : public Work {
 public:
  LogitsWork(Device device, const LogitsArguments& arguments)
      : device_(std::move(device)), arguments_(arguments) {}
  void run(Stream stream) override {
    if (arguments_.tokens == 0) return;
    const float one = 1, zero = 0;
    CUDA_CHECK(cublasGemmEx(device_->blas(stream), CUBLAS_OP_T, CUBLAS_OP_N, arguments_.experts,
                            arguments_.tokens, arguments_.hidden_size, &one, arguments_.router,
                            CUDA_R_16BF, arguments_.hidden_size, arguments_.hidden, CUDA_R_16BF,
                            arguments_.hidden_size, &zero, arguments_.logits, CUDA_R_32F,
                            arguments_.experts, CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT));
  }

 private:
  Device device_;
  LogitsArguments arguments_;
};

class CudaGate : public GateKernels {
 public:
  explicit CudaGate(Device device) : device_(std::move(device)) {}
  std::unique_ptr<Work> logits(const LogitsArguments& arguments) override {
    check(arguments);
    return std::make_unique<LogitsWork>(device_, arguments);
  }
  std::unique_ptr<Work> route(const RouteArguments& arguments) override {
    check(arguments);
    return launch(device_, [arguments](cudaStream_t stream) { launch_route(arguments, stream); });
  }

 private:
  Device device_;
};

class CudaPack : public PackKernels {
 public:
  explicit CudaPack(Device device) : device_(std::move(device)) {}
  std::unique_ptr<Work> destinations(const DestinationArguments& arguments) override {
    check(arguments);
    return launch(device_,
                  [arguments](cudaStream_t stream) { launch_destinations(arguments, stream); });
  }
  std::unique_ptr<Work> pack(const PackArguments& arguments) override {
    check(arguments);
    return launch(device_,
                  [arguments, processors = device_->facts().processors](cudaStream_t stream) {
                    launch_pack(arguments, processors, stream);
                  });
  }
  std::unique_ptr<Work> combine(const CombineArguments& arguments) override {
    check(arguments);
    return launch(device_, [arguments](cudaStream_t stream) { launch_combine(arguments, stream); });
  }

 private:
  Device device_;
};

class CudaPermute : public PermuteKernels {
 public:
  explicit CudaPermute(Device device) : device_(device), pack_(std::move(device)) {}
  std::unique_ptr<Work> plan(const PlanArguments& arguments) override {
    check(arguments);
    const std::size_t cells =
        static_cast<std::size_t>(plan_blocks(arguments.shape)) * arguments.shape.experts;
    const Buffer starts = device_->allocate(cells * sizeof(std::int32_t));
    return launch(device_, [arguments, starts](cudaStream_t stream) {
      launch_plan(arguments, starts.as<std::int32_t>(), stream);
    });
  }
  std::unique_ptr<Work> scatter(const ScatterArguments& arguments) override {
    return pack_.pack(as_pack(arguments));
  }
  std::unique_ptr<Work> unpermute(const UnpermuteArguments& arguments) override {
    return pack_.combine(as_combine(arguments));
  }

 private:
  Device device_;
  CudaPack pack_;
};

class CudaCopy : public CopyKernels {
 public:
  explicit CudaCopy(Device device) : device_(std::move(device)) {
    CUDA_CHECK(prepare_processor_copy(device_->shared_bytes()));
  }
  std::unique_ptr<Work> copy(const CopyArguments& arguments) override {
    check(arguments);
    return launch(device_, [arguments](cudaStream_t stream) {
      const cudaMemcpyKind kind = arguments.path == CopyPath::kHostToDevice ? cudaMemcpyHostToDevice
                                  : arguments.path == CopyPath::kDeviceToHost
                                      ? cudaMemcpyDeviceToHost
                                      : cudaMemcpyDeviceToDevice;
      CUDA_CHECK(
          cudaMemcpyAsync(arguments.target, arguments.source, arguments.bytes, kind, stream));
    });
  }
  std::unique_ptr<Work> processor_copy(const ProcessorCopyArguments& arguments) override {
    check(arguments, device_->facts().processors);
    return launch(device_, [arguments, shared = device_->shared_bytes()](cudaStream_t stream) {
      launch_processor_copy(arguments, shared, stream);
    });
  }
  std::unique_ptr<Work> memory_pass(const MemoryPassArguments& arguments) override {
    check(arguments);
    return launch(device_,
                  [arguments, processors = device_->facts().processors](cudaStream_t stream) {
                    launch_memory_pass(arguments, processors, stream);
                  });
  }
  std::unique_ptr<Work> nothing() override { return launch(device_, launch_nothing); }

 private:
  Device device_;
};

}  // namespace

std::shared_ptr<GateKernels> make_cuda_gate(std::shared_ptr<CudaDevice> device) {
  return std::make_shared<CudaGate>(std::move(device));
}

std::shared_ptr<PermuteKernels> make_cuda_permute(std::shared_ptr<CudaDevice> device) {
  return std::make_shared<CudaPermute>(std::move(device));
}

std::shared_ptr<PackKernels> make_cuda_pack(std::shared_ptr<CudaDevice> device) {
  return std::make_shared<CudaPack>(std::move(device));
}

std::shared_ptr<CopyKernels> make_cuda_copy(std::shared_ptr<CudaDevice> device) {
  return std::make_shared<CudaCopy>(std::move(device));
}

}  // namespace moesim::kernels
