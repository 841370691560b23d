#include <cmath>

#include "kernels/error.hpp"
#include "tests/kernels/permute_runs.hpp"

namespace moesim::kernels {
namespace {

class Pack : public OnBackend {
 protected:
  std::vector<std::int32_t> destinations(const Backend& backend, int tokens, int top_k,
                                         int experts_per_rank, bool once,
                                         const std::vector<std::int32_t>& ids) {
    const Buffer input = upload(backend, ids);
    const Buffer out = room_for<std::int32_t>(backend, ids.size());
    const auto work =
        backend.pack->destinations(DestinationArguments{.tokens = tokens,
                                                        .top_k = top_k,
                                                        .experts_per_rank = experts_per_rank,
                                                        .once_per_rank = once,
                                                        .ids = input.as<std::int32_t>(),
                                                        .destinations = out.as<std::int32_t>()});
    work->run(Stream::kMain);
    return backend.device->read<std::int32_t>(out);
  }
};

struct Fp8Rows {
  std::vector<Fp8> numbers;
  std::vector<float> scales;
};

Fp8Rows pack_fp8(const Backend& backend, const PermuteShape& shape, const PlanOutputs& plan,
                 const std::vector<Bf16>& hidden, int width) {
  const std::size_t count = static_cast<std::size_t>(rows_bound(shape)) * width;
  const Buffer x = upload(backend, hidden), from = upload(backend, plan.route_of_row);
  const Buffer offsets = upload(backend, plan.offsets);
  const Buffer rows = upload(backend, std::vector<Fp8>(count, Fp8{1}));
  const Buffer scales = upload(backend, std::vector<float>(count / kScaleBlock, 7.0f));
  const auto work = backend.pack->pack(PackArguments{.shape = shape,
                                                     .hidden_size = width,
                                                     .hidden = x.as<Bf16>(),
                                                     .route_of_row = from.as<std::int32_t>(),
                                                     .offsets = offsets.as<std::int32_t>(),
                                                     .fp8_rows = rows.as<Fp8>(),
                                                     .scales = scales.as<float>()});
  work->run(Stream::kMain);
  return Fp8Rows{.numbers = backend.device->read<Fp8>(rows),
                 .scales = backend.device->read<float>(scales)};
}

std::vector<Bf16> combine_fp8(const Backend& backend, const PermuteShape& shape,
                              const PlanOutputs& plan, const Fp8Rows& rows,
                              const std::vector<float>& weights, int width) {
  const Buffer numbers = upload(backend, rows.numbers), scales = upload(backend, rows.scales);
  const Buffer to = upload(backend, plan.row_of_route), factors = upload(backend, weights);
  const Buffer hidden = room_for<Bf16>(backend, static_cast<std::size_t>(shape.tokens) * width);
  const auto work = backend.pack->combine(
      CombineArguments{.shape = shape,
                       .hidden_size = width,
                       .fp8_rows = numbers.as<Fp8>(),
                       .scales = scales.as<float>(),
                       .row_of_route = to.as<std::int32_t>(),
                       .weights = weights.empty() ? nullptr : factors.as<float>(),
                       .hidden = hidden.as<Bf16>()});
  work->run(Stream::kMain);
  return backend.device->read<Bf16>(hidden);
}

// Ranks of four experts: token 0 goes to ranks 0, 1, 0, 2; token 1 has a dropped route.
TEST_P(Pack, NamesEachRankOfATokenOnce) {
  const std::vector<std::int32_t> ids = {0, 5, 3, 9, 7, -1, 6, 0};
  EXPECT_EQ(destinations(fast_, 2, 4, 4, true, ids),
            (std::vector<std::int32_t>{0, 1, -1, 2, 1, -1, -1, 0}));
  EXPECT_EQ(destinations(fast_, 2, 4, 4, false, ids),
            (std::vector<std::int32_t>{0, 1, 0, 2, 1, -1, 1, 0}));
}

TEST_P(Pack, NamesDestinationsAsTheReference) {
  for (const int tokens : {1, 1000, 5000}) {
    const std::vector<std::int32_t> ids = random_ids(tokens, 16, 256, 3, 0.1);
    EXPECT_EQ(destinations(fast_, tokens, 16, 8, true, ids),
              destinations(reference_, tokens, 16, 8, true, ids));
  }
}

TEST_P(Pack, QuantizesRowsToTheBitsOfTheReference) {
  for (const int width : {128, 512, 7168}) {
    const PermuteShape shape{.tokens = 41, .top_k = 4, .experts = 8, .tile = 4};
    const PlanOutputs rows = plan(reference_, shape, random_ids(41, 4, 8, 2, 0.3));
    std::vector<Bf16> hidden = bf16_normals(41 * width, 4, 3);
    std::fill_n(hidden.begin(), 128, Bf16{});  // a block of zeros
    const Fp8Rows ours = pack_fp8(fast_, shape, rows, hidden, width);
    const Fp8Rows expected = pack_fp8(reference_, shape, rows, hidden, width);
    EXPECT_EQ(ours.scales, expected.scales);
    for (std::size_t i = 0; i < ours.numbers.size(); ++i)
      ASSERT_EQ(ours.numbers[i].bits, expected.numbers[i].bits) << i;
  }
}

// Largest magnitude 448 * 2: the scale is 2, exactly, and even numbers up to 32 survive.
TEST_P(Pack, ScalesTheLargestMagnitudeTo448) {
  const PermuteShape shape{.tokens = 1, .top_k = 1, .experts = 1};
  std::vector<Bf16> hidden(128, to_bf16(6));
  hidden[77] = to_bf16(-896);
  const Fp8Rows rows = pack_fp8(fast_, shape, plan(fast_, shape, {0}), hidden, 128);
  EXPECT_EQ(rows.scales, std::vector<float>{2.0f});
  EXPECT_EQ(to_float(rows.numbers[77]), -448.0f);
  EXPECT_EQ(to_float(rows.numbers[0]), 3.0f);
}

TEST_P(Pack, CombinesFp8RowsAsTheReference) {
  const int width = 384;
  for (const bool weighted : {false, true}) {
    const PermuteShape shape{.tokens = 50, .top_k = 8, .experts = 4};
    const PlanOutputs rows = plan(reference_, shape, random_ids(50, 8, 8, 2, 0.2));
    const Fp8Rows packed = pack_fp8(reference_, shape, rows, bf16_normals(50 * width, 4), width);
    const std::vector<float> weights = weighted ? normals(400, 5) : std::vector<float>{};
    const auto ours = widened(combine_fp8(fast_, shape, rows, packed, weights, width));
    const auto expected = widened(combine_fp8(reference_, shape, rows, packed, weights, width));
    for (std::size_t i = 0; i < ours.size(); ++i)
      ASSERT_NEAR(ours[i], expected[i], 1e-4f + std::abs(expected[i]) / 128) << i;
  }
}

// There and back through fp8: each number within half a step of e4m3, 1/16 of itself, or of the
// smallest steps, 2^-10 of the scale.
TEST_P(Pack, RoundTripsThroughFp8WithinHalfAStep) {
  const int width = 256;
  const PermuteShape shape{.tokens = 30, .top_k = 1, .experts = 3};
  const PlanOutputs rows = plan(fast_, shape, random_ids(30, 1, 3, 2));
  const std::vector<Bf16> hidden = bf16_normals(30 * width, 4);
  const Fp8Rows packed = pack_fp8(fast_, shape, rows, hidden, width);
  const auto back = widened(combine_fp8(fast_, shape, rows, packed, {}, width));
  for (std::size_t i = 0; i < back.size(); ++i) {
    const float value = to_float(hidden[i]);
    ASSERT_NEAR(back[i], value, std::abs(value) * (1.0f / 16 + 1.0f / 256) + 0.0001f) << i;
  }
}

TEST_P(Pack, RefusesWhatItCannotRun) {
  const PermuteShape shape{.tokens = 1, .top_k = 1, .experts = 1};
  const PlanOutputs rows = plan(fast_, shape, {0});
  EXPECT_THROW(pack_fp8(fast_, shape, rows, std::vector<Bf16>(64), 64), UnsupportedError);
  EXPECT_THROW(destinations(fast_, 1, 1, 0, true, {0}), UnsupportedError);
}

MOESIM_ON_ALL_BACKENDS(Pack);

}  // namespace
}  // namespace moesim::kernels
