// Pack and combine, row by row.
#include "kernels/pack.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/block_scale.hpp"
#include "kernels/cpu/device.hpp"
#include "kernels/reference/reference.hpp"

namespace moesim::kernels {
namespace {

void name_destinations(const DestinationArguments& arguments) {
  for (int token = 0; token < arguments.tokens; ++token) {
    std::int32_t* out = arguments.destinations + static_cast<std::size_t>(token) * arguments.top_k;
    const std::int32_t* ids = arguments.ids + static_cast<std::size_t>(token) * arguments.top_k;
    for (int j = 0; j < arguments.top_k; ++j) {
      const std::int32_t rank = ids[j] < 0 ? -1 : ids[j] / arguments.experts_per_rank;
      bool repeated = false;
      for (int i = 0; i < j; ++i)
        repeated |= ids[i] >= 0 && ids[i] / arguments.experts_per_rank == rank;
      out[j] = arguments.once_per_rank && repeated ? -1 : rank;
    }
  }
}

void quantize(const std::vector<float>& values, Fp8* out, float* scales) {
  for (std::size_t begin = 0; begin < values.size(); begin += kScaleBlock) {
    float largest = 0;
    for (std::size_t i = begin; i < begin + kScaleBlock; ++i)
      largest = std::max(largest, std::abs(values[i]));
    const float scale = scale_for(largest);
    scales[begin / kScaleBlock] = scale;
    for (std::size_t i = begin; i < begin + kScaleBlock; ++i) out[i] = to_fp8(values[i] / scale);
  }
}

void pack_rows(const PackArguments& arguments) {
  const int width = arguments.hidden_size;
  const int rows = arguments.offsets[arguments.shape.experts];
  for (int row = 0; row < rows; ++row) {
    const int route = arguments.route_of_row[row];
    std::vector<float> values(width, 0.0f);
    if (route >= 0)
      for (int h = 0; h < width; ++h) {
        const std::size_t token = route / arguments.shape.top_k;
        values[h] = to_float(arguments.hidden[token * width + h]);
      }
    const std::size_t begin = static_cast<std::size_t>(row) * width;
    if (arguments.fp8_rows != nullptr)
      quantize(values, arguments.fp8_rows + begin, arguments.scales + begin / kScaleBlock);
    else
      std::transform(values.begin(), values.end(), arguments.rows + begin, to_bf16);
  }
}

void combine_rows(const CombineArguments& arguments) {
  const int width = arguments.hidden_size, choices = arguments.shape.top_k;
  for (int token = 0; token < arguments.shape.tokens; ++token)
    for (int h = 0; h < width; ++h) {
      float total = 0;
      for (int j = 0; j < choices; ++j) {
        const std::size_t route = static_cast<std::size_t>(token) * choices + j;
        if (arguments.row_of_route[route] < 0) continue;
        const std::size_t at = static_cast<std::size_t>(arguments.row_of_route[route]) * width + h;
        const float value = arguments.rows != nullptr ? to_float(arguments.rows[at])
                                                      : to_float(arguments.fp8_rows[at]) *
                                                            arguments.scales[at / kScaleBlock];
        total += arguments.weights != nullptr ? arguments.weights[route] * value : value;
      }
      arguments.hidden[static_cast<std::size_t>(token) * width + h] = to_bf16(total);
    }
}

class ReferencePack : public PackKernels {
 public:
  std::unique_ptr<Work> destinations(const DestinationArguments& arguments) override {
    check(arguments);
    return call([arguments] { name_destinations(arguments); });
  }
  std::unique_ptr<Work> pack(const PackArguments& arguments) override {
    check(arguments);
    return call([arguments] { pack_rows(arguments); });
  }
  std::unique_ptr<Work> combine(const CombineArguments& arguments) override {
    check(arguments);
    return call([arguments] { combine_rows(arguments); });
  }
};

}  // namespace

std::shared_ptr<PackKernels> make_reference_pack() { return std::make_shared<ReferencePack>(); }

}  // namespace moesim::kernels
