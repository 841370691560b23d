#include <numeric>

#include "kernels/error.hpp"
#include "tests/kernels/permute_runs.hpp"

namespace moesim::kernels {
namespace {

class Permute : public OnBackend {
 protected:
  void expect_as_reference(const PermuteShape& shape, const std::vector<std::int32_t>& ids) {
    SCOPED_TRACE(std::to_string(shape.tokens) + " tokens, " + std::to_string(shape.top_k) +
                 " choices, " + std::to_string(shape.experts) + " experts, tile " +
                 std::to_string(shape.tile));
    const PlanOutputs ours = plan(fast_, shape, ids), expected = plan(reference_, shape, ids);
    EXPECT_EQ(ours.counts, expected.counts);
    EXPECT_EQ(ours.offsets, expected.offsets);
    EXPECT_EQ(ours.row_of_route, expected.row_of_route);
    EXPECT_EQ(ours.route_of_row, expected.route_of_row);
  }
};

// By hand: token 0 goes to 2 and 0, token 1 to 2 only, token 2 to 0 and 2; tiles of two rows.
TEST_P(Permute, PlacesRoutesByExpertThenByToken) {
  const PermuteShape shape{.tokens = 3, .top_k = 2, .experts = 3, .tile = 2};
  const PlanOutputs outputs = plan(fast_, shape, {2, 0, 2, -1, 0, 2});
  EXPECT_EQ(outputs.counts, (std::vector<std::int32_t>{2, 0, 3}));
  EXPECT_EQ(outputs.offsets, (std::vector<std::int32_t>{0, 2, 2, 6}));
  EXPECT_EQ(outputs.row_of_route, (std::vector<std::int32_t>{2, 0, 3, -1, 1, 4}));
  EXPECT_EQ(outputs.route_of_row, (std::vector<std::int32_t>{1, 4, 0, 2, 5, -1, -1, -1}));
}

TEST_P(Permute, PlansAsTheReferenceForManyShapes) {
  unsigned seed = 1;
  for (const int tokens : {0, 1, 2, 31, 257, 5000})
    for (const int experts : {1, 8, 60, 256, 1024})
      for (const int tile : {1, 16, 128}) {
        const PermuteShape shape{
            .tokens = tokens, .top_k = std::min(8, experts), .experts = experts, .tile = tile};
        expect_as_reference(shape, random_ids(tokens, shape.top_k, experts, ++seed, 0.1));
      }
}

TEST_P(Permute, PlansTheLargestChoiceAndATileThatIsNoPowerOfTwo) {
  const PermuteShape shape{.tokens = 3000, .top_k = 16, .experts = 1024, .tile = 24};
  expect_as_reference(shape, random_ids(3000, 16, 1024, 5));
}

TEST_P(Permute, PlansWhereOneExpertGetsAll) {
  const PermuteShape shape{.tokens = 9000, .top_k = 1, .experts = 64, .tile = 64};
  expect_as_reference(shape, std::vector<std::int32_t>(9000, 37));
}

TEST_P(Permute, GivesNoRowToExpertsElsewhere) {
  const PermuteShape shape{.tokens = 100, .top_k = 4, .experts = 8};
  std::vector<std::int32_t> ids = random_ids(100, 4, 64, 9);
  expect_as_reference(shape, ids);  // ids from 8 on belong to other GPUs
  expect_as_reference(shape, std::vector<std::int32_t>(400, 8));
}

TEST_P(Permute, CopiesRowsAndZeroesPadding) {
  for (const int width : {8, 64, 520, 7168}) {
    const PermuteShape shape{.tokens = 37, .top_k = 3, .experts = 5, .tile = 16};
    const PlanOutputs rows = plan(reference_, shape, random_ids(37, 3, 5, 4, 0.2));
    const std::vector<Bf16> hidden = bf16_normals(37 * width, 6);
    EXPECT_EQ(bits_of(scatter(fast_, shape, rows, hidden, width)),
              bits_of(scatter(reference_, shape, rows, hidden, width)));
  }
}

// Weights that are multiples of 1/8 and sum to 1: every product and sum is exact in float32.
TEST_P(Permute, ComesBackUnchangedWhenWeightsSumToOne) {
  const int tokens = 211, top_k = 4, width = 136;
  const PermuteShape shape{.tokens = tokens, .top_k = top_k, .experts = 16, .tile = 8};
  const PlanOutputs rows = plan(fast_, shape, random_ids(tokens, top_k, 16, 3));
  const std::vector<Bf16> hidden = bf16_normals(tokens * width, 8);
  std::vector<float> weights;
  for (int token = 0; token < tokens; ++token)
    weights.insert(weights.end(), {0.5f, 0.25f, 0.125f, 0.125f});
  const std::vector<Bf16> moved = scatter(fast_, shape, rows, hidden, width);
  EXPECT_EQ(bits_of(unpermute(fast_, shape, rows, moved, weights, width)), bits_of(hidden));
}

TEST_P(Permute, SumsAsTheReferenceAndLeavesDroppedRoutesOut) {
  for (const bool weighted : {true, false})
    for (const int width : {8, 520, 2048}) {
      const PermuteShape shape{.tokens = 65, .top_k = 8, .experts = 32, .tile = 16};
      const PlanOutputs rows = plan(reference_, shape, random_ids(65, 8, 32, 3, 0.3));
      const std::vector<Bf16> values =
          bf16_normals(static_cast<std::size_t>(rows_bound(shape)) * width, 1);
      const std::vector<float> weights = weighted ? normals(65 * 8, 2) : std::vector<float>{};
      const auto ours = widened(unpermute(fast_, shape, rows, values, weights, width));
      const auto expected = widened(unpermute(reference_, shape, rows, values, weights, width));
      for (std::size_t i = 0; i < ours.size(); ++i)
        ASSERT_NEAR(ours[i], expected[i], 1e-4f + std::abs(expected[i]) / 128) << i;
    }
}

TEST_P(Permute, RefusesWhatItCannotRun) {
  EXPECT_THROW(plan(fast_, {.tokens = 1, .top_k = 17, .experts = 32}, std::vector<int>(17)),
               UnsupportedError);
  EXPECT_THROW(plan(fast_, {.tokens = 1, .top_k = 1, .experts = 1025}, {0}), UnsupportedError);
  EXPECT_THROW(plan(fast_, {.tokens = 1, .top_k = 1, .experts = 8, .tile = 0}, {0}),
               UnsupportedError);
  const PermuteShape shape{.tokens = 1, .top_k = 1, .experts = 1};
  EXPECT_THROW(scatter(fast_, shape, plan(fast_, shape, {0}), std::vector<Bf16>(12), 12),
               UnsupportedError);
}

MOESIM_ON_ALL_BACKENDS(Permute);

}  // namespace
}  // namespace moesim::kernels
