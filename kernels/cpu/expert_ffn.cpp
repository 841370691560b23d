// The experts through a BLAS.
//
// Weights are stored narrow and widened block by block into a buffer that stays in a core's cache;
// a task is one expert and 64 of its output columns, so that many small experts and one large one
// both fill all cores. What limits it: float32 multiply-adds for many rows, reading and widening
// the weights for few.
#include "kernels/expert_ffn.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/cpu/blas.hpp"
#include "kernels/cpu/cpu.hpp"
#include "kernels/cpu/device.hpp"
#include "kernels/cpu/quantize.hpp"
#include "kernels/error.hpp"

namespace moesim::kernels {
namespace {

constexpr int kColumns = 64;  // output columns of a task

// A matrix of weights [experts x outputs x depth].
struct Matrix {
  Dtype dtype = Dtype::kBf16;
  const void* numbers = nullptr;
  const float* scales = nullptr;
  int outputs = 0;
  int depth = 0;

  // kColumns rows of an expert from `output` on, as floats.
  void widen_rows(int expert, int output, float* to) const {
    const std::size_t first = static_cast<std::size_t>(expert) * outputs + output;
    const std::size_t begin = first * depth;
    if (dtype == Dtype::kBf16) {
      widen(static_cast<const Bf16*>(numbers) + begin, static_cast<std::size_t>(kColumns) * depth,
            to);
      return;
    }
    const Fp8* from = static_cast<const Fp8*>(numbers) + begin;
    const float* scale = scales + first / kScaleBlock * (depth / kScaleBlock);
    for (int row = 0; row < kColumns; ++row)
      for (int column = 0; column < depth; ++column, ++from, ++to)
        *to = fp8_values()[from->bits] * scale[column / kScaleBlock];
  }

  static const float* fp8_values() {
    static const std::vector<float> values = [] {
      std::vector<float> all;
      for (int bits = 0; bits < 256; ++bits)
        all.push_back(to_float(Fp8{static_cast<std::uint8_t>(bits)}));
      return all;
    }();
    return values.data();
  }
};

class Network {
 public:
  Network(const ExpertArguments& arguments, std::shared_ptr<Threads> threads)
      : arguments_(arguments),
        shape_(arguments.shape),
        threads_(std::move(threads)),
        tokens_(arguments.tokens_per_expert.begin(), arguments.tokens_per_expert.end()),
        offsets_(row_offsets(tokens_, arguments.tile)),
        up_{.dtype = shape_.dtype,
            .numbers = arguments.weights.up,
            .scales = arguments.weights.up_scales,
            .outputs = shape_.gated ? 2 * shape_.intermediate : shape_.intermediate,
            .depth = shape_.hidden_size},
        down_{.dtype = shape_.dtype,
              .numbers = arguments.weights.down,
              .scales = arguments.weights.down_scales,
              .outputs = shape_.hidden_size,
              .depth = shape_.intermediate},
        x_(static_cast<std::size_t>(offsets_.back()) * shape_.hidden_size),
        inner_(static_cast<std::size_t>(offsets_.back()) * shape_.intermediate) {
    for (int expert = 0; expert < shape_.experts; ++expert)
      if (tokens_[expert] > 0) active_.push_back(expert);
  }

  void run() {
    threads_->ranges(offsets_.back(), 16, [&](long begin, long end) { read_rows(begin, end); });
    each_block(shape_.intermediate, [&](int expert, int column) { up(expert, column); });
    if (shape_.dtype == Dtype::kFp8Block)
      threads_->ranges(offsets_.back(), 16, [&](long begin, long end) {
        for (long row = begin; row < end; ++row)
          round_to_fp8(inner_.data() + row * shape_.intermediate, shape_.intermediate);
      });
    each_block(shape_.hidden_size, [&](int expert, int column) { down(expert, column); });
  }

 private:
  void each_block(int columns, const std::function<void(int, int)>& body) {
    const int across = columns / kColumns;
    threads_->each(static_cast<int>(active_.size()) * across,
                   [&](int task) { body(active_[task / across], task % across * kColumns); });
  }

  void read_rows(long begin, long end) {
    const std::size_t width = shape_.hidden_size;
    widen(arguments_.rows + begin * width, (end - begin) * width, x_.data() + begin * width);
    if (shape_.dtype == Dtype::kFp8Block)
      for (long row = begin; row < end; ++row)
        round_to_fp8(x_.data() + row * width, shape_.hidden_size);
  }

  // The expert's rows of `x` times 64 of the matrix's outputs: [tokens x 64].
  std::vector<float>& product(const Matrix& matrix, const std::vector<float>& x, int expert,
                              int output, std::vector<float>& out) {
    thread_local std::vector<float> weights;
    weights.resize(std::max(weights.size(), static_cast<std::size_t>(kColumns) * matrix.depth));
    out.resize(std::max(out.size(), static_cast<std::size_t>(tokens_[expert]) * kColumns));
    matrix.widen_rows(expert, output, weights.data());
    multiply_transposed(tokens_[expert], kColumns, matrix.depth,
                        x.data() + static_cast<std::size_t>(offsets_[expert]) * matrix.depth,
                        weights.data(), out.data(), kColumns);
    return out;
  }

  void up(int expert, int column) {
    thread_local std::vector<float> gate_block, up_block;
    const float* gate =
        shape_.gated ? product(up_, x_, expert, column, gate_block).data() : nullptr;
    const int first = shape_.gated ? shape_.intermediate + column : column;
    const float* up = product(up_, x_, expert, first, up_block).data();
    for (int i = 0; i < tokens_[expert]; ++i) {
      const std::size_t row = offsets_[expert] + i;
      float* out = inner_.data() + row * shape_.intermediate + column;
      for (int j = 0; j < kColumns; ++j, ++up) {
        out[j] = gate == nullptr ? std::max(*up, 0.0f) : *gate / (1.0f + std::exp(-*gate)) * *up;
        if (gate != nullptr) ++gate;
        out[j] = to_float(to_bf16(out[j]));
      }
    }
  }

  void down(int expert, int column) {
    thread_local std::vector<float> block;
    const float* result = product(down_, inner_, expert, column, block).data();
    for (int i = 0; i < tokens_[expert]; ++i) {
      const std::size_t row = offsets_[expert] + i;
      narrow(result + static_cast<std::size_t>(i) * kColumns, kColumns,
             arguments_.output + row * shape_.hidden_size + column);
    }
  }

  ExpertArguments arguments_;
  ExpertShape shape_;
  std::shared_ptr<Threads> threads_;
  std::vector<int> tokens_;   // [experts]
  std::vector<int> offsets_;  // [experts + 1]
  std::vector<int> active_;   // experts with tokens
  Matrix up_, down_;
  std::vector<float> x_;      // [rows x H]
  std::vector<float> inner_;  // [rows x I]
};

class CpuExperts : public ExpertKernels {
 public:
  explicit CpuExperts(std::shared_ptr<Threads> threads) : threads_(std::move(threads)) {}

  std::vector<Multiplier> multipliers(const ExpertShape&) const override {
    return {Multiplier::kLibrary};
  }
  std::unique_ptr<Work> run(const ExpertArguments& arguments) override {
    check(arguments);
    require(arguments.multiplier == Multiplier::kLibrary, "the cpu backend multiplies by a BLAS");
    return call([network = std::make_shared<Network>(arguments, threads_)] { network->run(); });
  }

 private:
  std::shared_ptr<Threads> threads_;
};

}  // namespace

std::shared_ptr<ExpertKernels> make_cpu_experts(std::shared_ptr<Threads> threads) {
  return std::make_shared<CpuExperts>(std::move(threads));
}

}  // namespace moesim::kernels
