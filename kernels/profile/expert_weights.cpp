#include "kernels/profile/expert_weights.hpp"

#include <cmath>

#include "kernels/error.hpp"

namespace moesim::kernels {
namespace {

constexpr float kDeviation = 0.6f;  // of Inputs::value, about

// What makes outputs of order 1 of a sum over `terms` products.
float scale_of(int terms) { return 1 / (kDeviation * std::sqrt(static_cast<float>(terms))); }

std::size_t of_expert(std::size_t all, const ExpertShape& shape) {
  return all / static_cast<std::size_t>(shape.experts);
}

struct Matrix {
  Buffer values, scales;
};

Matrix make_matrix(Device& device, const Inputs& inputs, const ExpertShape& shape, int first_expert,
                   std::size_t values, std::size_t scales, int terms) {
  Matrix matrix{.values = device.allocate(values * bytes_of(shape.dtype))};
  if (scales > 0) matrix.scales = device.allocate(scales * sizeof(float));
  const std::size_t own = of_expert(values, shape), own_scales = of_expert(scales, shape);
  for (int i = 0; i < shape.experts; ++i) {
    const auto at = static_cast<std::size_t>(i),
               number = at + static_cast<std::size_t>(first_expert);
    const std::size_t bytes = own * bytes_of(shape.dtype);
    const Buffer target = slice(matrix.values, at * bytes, bytes);
    if (shape.dtype == Dtype::kBf16) {
      const auto host = inputs.bf16(own, scale_of(terms), number * own);
      device.upload(target, std::as_bytes(std::span(host)));
      continue;
    }
    const auto host = inputs.fp8(own, number * own);
    device.upload(target, std::as_bytes(std::span(host)));
    const auto factors = inputs.scales(own_scales, scale_of(terms) / 240, number * own_scales);
    device.upload(slice(matrix.scales, at * own_scales * sizeof(float), own_scales * sizeof(float)),
                  std::as_bytes(std::span(factors)));
  }
  return matrix;
}

}  // namespace

ExpertWeights WeightBuffers::from(int first) const {
  const ExpertSizes sizes = sizes_of(shape);
  const auto expert = static_cast<std::size_t>(first);
  const auto at = [&](const Buffer& buffer, std::size_t all) {
    return buffer.as<std::byte>() + expert * of_expert(all, shape) * bytes_of(shape.dtype);
  };
  ExpertWeights weights{.up = at(up, sizes.up), .down = at(down, sizes.down)};
  if (shape.dtype == Dtype::kFp8Block) {
    weights.up_scales = up_scales.as<float>() + expert * of_expert(sizes.up_scales, shape);
    weights.down_scales = down_scales.as<float>() + expert * of_expert(sizes.down_scales, shape);
  }
  return weights;
}

WeightBuffers make_weights(Device& device, const Inputs& inputs, const ExpertShape& shape,
                           int first_expert) {
  const ExpertSizes sizes = sizes_of(shape);
  Matrix up = make_matrix(device, inputs, shape, first_expert, sizes.up, sizes.up_scales,
                          shape.hidden_size);
  Matrix down = make_matrix(device, inputs, shape, first_expert, sizes.down, sizes.down_scales,
                            shape.intermediate);
  return {.shape = shape,
          .up = std::move(up.values),
          .down = std::move(down.values),
          .up_scales = std::move(up.scales),
          .down_scales = std::move(down.scales)};
}

const WeightBuffers& WeightPool::get(Device& device, const Inputs& inputs,
                                     const ExpertShape& shape) {
  const Key key{shape.hidden_size, shape.intermediate, shape.gated, shape.dtype};
  const auto found = kept_.find(key);
  if (found != kept_.end() && found->second.shape.experts >= shape.experts) return found->second;
  kept_.erase(key);
  try {
    return kept_[key] = make_weights(device, inputs, shape, 0);
  } catch (const DeviceError&) {  // no room: without those of other shapes perhaps
    if (kept_.size() <= 1) throw;
    clear();
    return kept_[key] = make_weights(device, inputs, shape, 0);
  }
}

}  // namespace moesim::kernels
