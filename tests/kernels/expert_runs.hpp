// Experts with random weights and tokens, run on a backend with host vectors in and out.
#pragma once

#include <cmath>
#include <vector>

#include "kernels/block_scale.hpp"
#include "tests/kernels/on_backend.hpp"

namespace moesim::kernels {

struct ExpertCase {
  ExpertCase(const ExpertShape& the_shape, std::vector<int> the_tokens)
      : shape(the_shape), tokens(std::move(the_tokens)) {
    const ExpertSizes sizes = sizes_of(shape);
    up = bf16_normals(sizes.up, 11, 1 / std::sqrt(static_cast<float>(shape.hidden_size)));
    down = bf16_normals(sizes.down, 12, 1 / std::sqrt(static_cast<float>(shape.intermediate)));
  }

  // Zeros everywhere, rows included (no tile).
  void fill_with_zeros() {
    up.assign(up.size(), Bf16{});
    down.assign(down.size(), Bf16{});
    rows.assign(static_cast<std::size_t>(row_offsets(tokens, tile).back()) * shape.hidden_size,
                Bf16{});
  }

  ExpertShape shape;
  std::vector<int> tokens;
  int tile = 1;
  std::vector<Bf16> up, down;
  std::vector<Bf16> rows;  // empty: random
};

// Fp8 with a scale of its own for each 128 x 128, or what there is, of a matrix whose rows are
// `depth` long.
struct BlockScaled {
  BlockScaled(const std::vector<Bf16>& weights, int depth) : numbers(weights.size()) {
    const auto blocks = [](std::size_t length) { return (length + kScaleBlock - 1) / kScaleBlock; };
    const std::size_t across = blocks(depth);
    scales.resize(across * blocks(weights.size() / depth));
    const auto block_of = [&](std::size_t i) {
      return i / depth / kScaleBlock * across + i % depth / kScaleBlock;
    };
    std::vector<float> largest(scales.size(), 0.0f);
    for (std::size_t i = 0; i < weights.size(); ++i)
      largest[block_of(i)] = std::max(largest[block_of(i)], std::abs(to_float(weights[i])));
    for (std::size_t b = 0; b < scales.size(); ++b) scales[b] = scale_for(largest[b]);
    for (std::size_t i = 0; i < weights.size(); ++i)
      numbers[i] = to_fp8(to_float(weights[i]) / scales[block_of(i)]);
  }
  std::vector<Fp8> numbers;
  std::vector<float> scales;
};

// The outputs of rows with a token, in order: [sum of tokens x H].
inline std::vector<float> run_experts(const Backend& backend, const ExpertCase& c,
                                      Multiplier multiplier) {
  const bool fp8 = c.shape.dtype == Dtype::kFp8Block;
  const std::vector<int> offsets = row_offsets(c.tokens, c.tile);
  const std::size_t width = c.shape.hidden_size;
  const Buffer x =
      upload(backend, c.rows.empty() ? bf16_normals(offsets.back() * width + 8, 13) : c.rows);
  const Buffer y = upload(backend, std::vector<Bf16>(offsets.back() * width + 8, to_bf16(99)));
  Buffer up = upload(backend, c.up), down = upload(backend, c.down), up_scales, down_scales;
  if (fp8) {
    const BlockScaled scaled_up(c.up, c.shape.hidden_size);
    const BlockScaled scaled_down(c.down, c.shape.intermediate);
    up = upload(backend, scaled_up.numbers);
    down = upload(backend, scaled_down.numbers);
    up_scales = upload(backend, scaled_up.scales);
    down_scales = upload(backend, scaled_down.scales);
  }
  const auto work =
      backend.experts->run(ExpertArguments{.shape = c.shape,
                                           .weights = {.up = up.as<void>(),
                                                       .down = down.as<void>(),
                                                       .up_scales = up_scales.as<float>(),
                                                       .down_scales = down_scales.as<float>()},
                                           .multiplier = multiplier,
                                           .tokens_per_expert = c.tokens,
                                           .tile = c.tile,
                                           .rows = x.as<Bf16>(),
                                           .output = y.as<Bf16>()});
  work->run(Stream::kMain);
  work->run(Stream::kMain);  // a second run finds its own leavings, and must give the same
  const std::vector<float> all = widened(backend.device->read<Bf16>(y));
  std::vector<float> used;
  for (std::size_t e = 0; e < c.tokens.size(); ++e)
    used.insert(used.end(), all.begin() + offsets[e] * width,
                all.begin() + (offsets[e] + c.tokens[e]) * width);
  return used;
}

// Equal within the rounding of what lies between the products: bf16 has 8 bits, fp8 has 4, and a
// sum of I such errors, which are random, grows as the outputs themselves do.
inline void expect_close(const std::vector<float>& ours, const std::vector<float>& expected,
                         Dtype dtype) {
  ASSERT_EQ(ours.size(), expected.size());
  double error = 0, size = 0, largest = 0;
  for (std::size_t i = 0; i < ours.size(); ++i) {
    error += (ours[i] - expected[i]) * (ours[i] - expected[i]);
    size += expected[i] * expected[i];
    largest = std::max<double>(largest, std::abs(ours[i] - expected[i]));
  }
  if (ours.empty()) return;
  const double deviation = std::sqrt(size / ours.size());
  EXPECT_GT(deviation, 0);
  EXPECT_LE(std::sqrt(error / ours.size()), deviation * (dtype == Dtype::kBf16 ? 0.006 : 0.015));
  EXPECT_LE(largest, deviation * (dtype == Dtype::kBf16 ? 0.05 : 0.2));
}

}  // namespace moesim::kernels
