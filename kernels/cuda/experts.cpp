// The experts on a GPU: two grouped products and what lies between, by cuBLAS or by the own kernel.
#include <algorithm>
#include <vector>

#include "kernels/cuda/cuda_backend.hpp"
#include "kernels/cuda/cuda_check.hpp"
#include "kernels/cuda/gemm_launch.hpp"
#include "kernels/cuda/launches.hpp"

namespace moesim::kernels {
namespace {

// Numbers between the rows of tokens and those of results.
struct Sizes {
  explicit Sizes(const ExpertArguments& arguments)
      : tokens(arguments.tokens_per_expert.begin(), arguments.tokens_per_expert.end()),
        first_row(row_offsets(tokens, arguments.tile)),
        rows(first_row.back()),
        up_outputs(arguments.shape.gated ? 2 * arguments.shape.intermediate
                                         : arguments.shape.intermediate) {}
  std::vector<int> tokens;     // [experts]
  std::vector<int> first_row;  // [experts + 1]
  long rows = 0;
  int up_outputs = 0;
};

Buffer room_for_rows(CudaDevice& device, long rows, long width, std::size_t bytes) {
  return device.allocate(static_cast<std::size_t>(rows) * width * bytes);
}

// One product of all experts by cuBLAS, as it wants it: shapes on the host, addresses on the
// device. cuBLAS counts columns first: C^T [outputs x m] = B [outputs x depth] A^T [depth x m].
class GroupedProduct {
 public:
  GroupedProduct(CudaDevice& device, const Sizes& sizes, int outputs, int depth, const Bf16* a,
                 const Bf16* b, Bf16* c)
      : outputs_(outputs), depth_(depth) {
    std::vector<const void*> a_of, b_of;
    std::vector<void*> c_of;
    for (std::size_t e = 0; e < sizes.tokens.size(); ++e) {
      if (sizes.tokens[e] == 0) continue;
      const std::size_t row = sizes.first_row[e];
      rows_.push_back(sizes.tokens[e]);
      a_of.push_back(a + row * depth);
      b_of.push_back(b + e * outputs * depth);
      c_of.push_back(c + row * outputs);
    }
    const std::size_t groups = rows_.size();
    outputs_of_.assign(groups, outputs_);
    depth_of_.assign(groups, depth_);
    transposed_.assign(groups, CUBLAS_OP_T);
    plain_.assign(groups, CUBLAS_OP_N);
    one_.assign(groups, 1.0f);
    zero_.assign(groups, 0.0f);
    size_.assign(groups, 1);
    a_of_ = device.make(std::span<const void* const>(a_of));
    b_of_ = device.make(std::span<const void* const>(b_of));
    c_of_ = device.make(std::span<void* const>(c_of));
  }

  void run(cublasHandle_t blas) const {
    if (rows_.empty()) return;
    CUDA_CHECK(cublasGemmGroupedBatchedEx(
        blas, transposed_.data(), plain_.data(), outputs_of_.data(), rows_.data(), depth_of_.data(),
        one_.data(), b_of_.as<const void*>(), CUDA_R_16BF, depth_of_.data(),
        a_of_.as<const void*>(), CUDA_R_16BF, depth_of_.data(), zero_.data(), c_of_.as<void*>(),
        CUDA_R_16BF, outputs_of_.data(), static_cast<int>(rows_.size()), size_.data(),
        CUBLAS_COMPUTE_32F));
  }

 private:
  int outputs_ = 0, depth_ = 0;
  std::vector<int> rows_, outputs_of_, depth_of_, size_;  // of each expert with tokens
  std::vector<cublasOperation_t> transposed_, plain_;
  std::vector<float> one_, zero_;
  Buffer a_of_, b_of_, c_of_;  // addresses
};

class LibraryExperts : public Work {
 public:
  LibraryExperts(std::shared_ptr<CudaDevice> device, const ExpertArguments& arguments)
      : device_(std::move(device)),
        shape_(arguments.shape),
        sizes_(arguments),
        up_(room_for_rows(*device_, sizes_.rows, sizes_.up_outputs, sizeof(Bf16))),
        inner_(shape_.gated
                   ? room_for_rows(*device_, sizes_.rows, shape_.intermediate, sizeof(Bf16))
                   : up_),
        first_(*device_, sizes_, sizes_.up_outputs, shape_.hidden_size, arguments.rows,
               static_cast<const Bf16*>(arguments.weights.up), up_.as<Bf16>()),
        second_(*device_, sizes_, shape_.hidden_size, shape_.intermediate, inner_.as<Bf16>(),
                static_cast<const Bf16*>(arguments.weights.down), arguments.output) {}

  void run(Stream stream) override {
    first_.run(device_->blas(stream));
    if (shape_.gated)
      launch_swiglu(up_.as<Bf16>(), sizes_.rows, shape_.intermediate, inner_.as<Bf16>(),
                    device_->stream(stream));
    else
      launch_relu(up_.as<Bf16>(), sizes_.rows * shape_.intermediate, device_->stream(stream));
    CUDA_CHECK(cudaGetLastError());
    second_.run(device_->blas(stream));
  }

 private:
  std::shared_ptr<CudaDevice> device_;
  ExpertShape shape_;
  Sizes sizes_;
  Buffer up_, inner_;  // [rows x outputs of the first product], [rows x I]
  GroupedProduct first_, second_;
};

class OwnExperts : public Work {
 public:
  OwnExperts(std::shared_ptr<CudaDevice> device, const ExpertArguments& arguments, int blocks)
      : device_(std::move(device)),
        shape_(arguments.shape),
        sizes_(arguments),
        blocks_(blocks),
        tokens_(device_->make(std::span<const int>(sizes_.tokens))),
        first_row_(device_->make(std::span<const int>(sizes_.first_row))),
        inner_(room_for_rows(*device_, sizes_.rows, shape_.intermediate, sizeof(Bf16))),
        rows_(arguments.rows) {
    const ExpertWeights& weights = arguments.weights;
    up_ = product(sizes_.up_outputs, shape_.hidden_size, weights.up, weights.up_scales);
    up_.activation = shape_.gated ? Activation::kSwiGlu : Activation::kRelu;
    up_.a = rows_;
    up_.c = inner_.as<Bf16>();
    down_ = product(shape_.hidden_size, shape_.intermediate, weights.down, weights.down_scales);
    down_.a = inner_.as<Bf16>();
    down_.c = arguments.output;
    if (shape_.dtype == Dtype::kBf16) return;
    quantized_ = room_for_rows(*device_, sizes_.rows, widest(), sizeof(Fp8));
    scales_ = room_for_rows(*device_, sizes_.rows, widest() / kScaleBlock, sizeof(float));
    up_.a = down_.a = quantized_.as<void>();
    up_.a_scales = down_.a_scales = scales_.as<float>();
  }

  void run(Stream stream) override {
    const cudaStream_t in = device_->stream(stream);
    if (shape_.dtype == Dtype::kBf16) {
      launch_gemm_bf16(up_, blocks_, in);
      launch_gemm_bf16(down_, blocks_, in);
    } else {
      quantize(rows_, shape_.hidden_size, in);
      launch_gemm_fp8(up_, blocks_, in);
      quantize(inner_.as<Bf16>(), shape_.intermediate, in);
      launch_gemm_fp8(down_, blocks_, in);
    }
    CUDA_CHECK(cudaGetLastError());
  }

 private:
  int widest() const { return std::max(shape_.hidden_size, shape_.intermediate); }

  GemmArguments product(int outputs, int depth, const void* weights, const float* scales) const {
    return GemmArguments{.experts = shape_.experts,
                         .outputs = outputs,
                         .depth = depth,
                         .b = weights,
                         .b_scales = scales,
                         .rows_of_expert = tokens_.as<int>(),
                         .first_row = first_row_.as<int>()};
  }

  void quantize(const Bf16* rows, int width, cudaStream_t stream) const {
    launch_quantize(rows, sizes_.rows, width, quantized_.as<Fp8>(), scales_.as<float>(), stream);
  }

  std::shared_ptr<CudaDevice> device_;
  ExpertShape shape_;
  Sizes sizes_;
  int blocks_ = 0;
  Buffer tokens_, first_row_;  // as in Sizes
  Buffer inner_;               // [rows x I]
  Buffer quantized_, scales_;  // fp8: of the rows, then of what lies between, [rows x H or I]
  const Bf16* rows_ = nullptr;
  GemmArguments up_, down_;
};

class CudaExperts : public ExpertKernels {
 public:
  explicit CudaExperts(std::shared_ptr<CudaDevice> device) : device_(std::move(device)) {
    const DeviceFacts& facts = device_->facts();
    const int shared = device_->shared_bytes();
    CUDA_CHECK(prepare_gemm_bf16(shared, &bf16_blocks_));
    if (facts.has_fp8) CUDA_CHECK(prepare_gemm_fp8(shared, &fp8_blocks_));
    bf16_blocks_ *= facts.processors;
    fp8_blocks_ *= facts.processors;
  }

  std::vector<Multiplier> multipliers(const ExpertShape& shape) const override {
    std::vector<Multiplier> all;
    if (shape.dtype == Dtype::kBf16) all.push_back(Multiplier::kLibrary);
    if (blocks_for(shape.dtype) > 0) all.push_back(Multiplier::kOwn);
    return all;
  }

  std::unique_ptr<Work> run(const ExpertArguments& arguments) override {
    check(arguments);
    const Dtype dtype = arguments.shape.dtype;
    const std::string device = device_->facts().name + " (" + device_->facts().architecture + ")";
    require(dtype == Dtype::kBf16 || device_->facts().has_fp8,
            "fp8 experts need compute capability 8.9 or newer, but the GPU is " + device);
    if (arguments.multiplier == Multiplier::kOwn) {
      require(blocks_for(dtype) > 0,
              "the own grouped GEMM needs more shared memory than a block has on " + device);
      return std::make_unique<OwnExperts>(device_, arguments, blocks_for(dtype));
    }
    require(dtype == Dtype::kBf16,
            "cuBLAS has no grouped product of fp8 with block scales; use the own kernel");
    return std::make_unique<LibraryExperts>(device_, arguments);
  }

 private:
  int blocks_for(Dtype dtype) const { return dtype == Dtype::kBf16 ? bf16_blocks_ : fp8_blocks_; }

  std::shared_ptr<CudaDevice> device_;
  int bf16_blocks_ = 0, fp8_blocks_ = 0;  // that the device runs at once; 0: none
};

}  // namespace

std::shared_ptr<ExpertKernels> make_cuda_experts(std::shared_ptr<CudaDevice> device) {
  return std::make_shared<CudaExperts>(std::move(device));
}

}  // namespace moesim::kernels
