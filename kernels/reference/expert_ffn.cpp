// The experts, one output at a time.
#include "kernels/expert_ffn.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/block_scale.hpp"
#include "kernels/cpu/device.hpp"
#include "kernels/error.hpp"
#include "kernels/reference/reference.hpp"

namespace moesim::kernels {
namespace {

using Vector = std::vector<float>;

// A matrix of weights [experts x outputs x depth], bf16 or fp8 with 128 x 128 scales.
struct Matrix {
  Dtype dtype = Dtype::kBf16;
  const void* numbers = nullptr;
  const float* scales = nullptr;
  int outputs = 0;
  int depth = 0;

  float at(int expert, int output, int column) const {
    const std::size_t row = static_cast<std::size_t>(expert) * outputs + output;
    const std::size_t index = row * depth + column;
    if (dtype == Dtype::kBf16) return to_float(static_cast<const Bf16*>(numbers)[index]);
    const std::size_t scale = row / kScaleBlock * (depth / kScaleBlock) + column / kScaleBlock;
    return to_float(static_cast<const Fp8*>(numbers)[index]) * scales[scale];
  }
};

// What the tensor cores see of activations: bf16, and of that fp8 with 1 x 128 scales.
void round_to(Dtype dtype, Vector& values) {
  for (float& value : values) value = to_float(to_bf16(value));
  if (dtype == Dtype::kBf16) return;
  for (std::size_t begin = 0; begin < values.size(); begin += kScaleBlock) {
    float largest = 0;
    for (std::size_t i = begin; i < begin + kScaleBlock; ++i)
      largest = std::max(largest, std::abs(values[i]));
    const float scale = scale_for(largest);
    for (std::size_t i = begin; i < begin + kScaleBlock; ++i)
      values[i] = to_float(to_fp8(values[i] / scale)) * scale;
  }
}

Vector multiply(const Vector& x, const Matrix& matrix, int expert) {
  Vector y(matrix.outputs, 0.0f);
  for (int output = 0; output < matrix.outputs; ++output)
    for (int column = 0; column < matrix.depth; ++column)
      y[output] += x[column] * matrix.at(expert, output, column);
  return y;
}

Vector activate(const ExpertShape& shape, const Vector& up) {
  Vector inner(shape.intermediate);
  for (int i = 0; i < shape.intermediate; ++i)
    inner[i] = shape.gated ? up[i] / (1.0f + std::exp(-up[i])) * up[shape.intermediate + i]
                           : std::max(up[i], 0.0f);
  return inner;
}

void run_row(const ExpertArguments& arguments, int expert, int row) {
  const ExpertShape& shape = arguments.shape;
  const Matrix up{.dtype = shape.dtype,
                  .numbers = arguments.weights.up,
                  .scales = arguments.weights.up_scales,
                  .outputs = shape.gated ? 2 * shape.intermediate : shape.intermediate,
                  .depth = shape.hidden_size};
  const Matrix down{.dtype = shape.dtype,
                    .numbers = arguments.weights.down,
                    .scales = arguments.weights.down_scales,
                    .outputs = shape.hidden_size,
                    .depth = shape.intermediate};
  const std::size_t begin = static_cast<std::size_t>(row) * shape.hidden_size;
  Vector x(shape.hidden_size);
  std::transform(arguments.rows + begin, arguments.rows + begin + shape.hidden_size, x.begin(),
                 [](Bf16 value) { return to_float(value); });
  round_to(shape.dtype, x);
  Vector inner = activate(shape, multiply(x, up, expert));
  round_to(shape.dtype, inner);
  const Vector y = multiply(inner, down, expert);
  std::transform(y.begin(), y.end(), arguments.output + begin, to_bf16);
}

class ReferenceExperts : public ExpertKernels {
 public:
  std::vector<Multiplier> multipliers(const ExpertShape&) const override {
    return {Multiplier::kOwn};
  }
  std::unique_ptr<Work> run(const ExpertArguments& arguments) override {
    check(arguments);
    require(arguments.multiplier == Multiplier::kOwn, "cpu_reference has no library");
    const std::vector<int> tokens(arguments.tokens_per_expert.begin(),
                                  arguments.tokens_per_expert.end());
    return call([arguments, tokens, offsets = row_offsets(tokens, arguments.tile)] {
      for (int expert = 0; expert < arguments.shape.experts; ++expert)
        for (int i = 0; i < tokens[expert]; ++i) run_row(arguments, expert, offsets[expert] + i);
    });
  }
};

}  // namespace

std::shared_ptr<ExpertKernels> make_reference_experts() {
  return std::make_shared<ReferenceExperts>();
}

}  // namespace moesim::kernels
