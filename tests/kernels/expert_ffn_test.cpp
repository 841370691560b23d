// The experts against the plain loops, with weights and tokens of the sizes that models have.
#include <cmath>
#include <numeric>

#include "kernels/error.hpp"
#include "tests/kernels/expert_runs.hpp"

namespace moesim::kernels {
namespace {

class ExpertFfn : public OnBackend {
 protected:
  // Every multiplier of the backend gives the reference's rows.
  void expect_as_reference(const ExpertCase& c) {
    const std::vector<Multiplier> multipliers = fast_.experts->multipliers(c.shape);
    if (multipliers.empty()) GTEST_SKIP() << "this device does not run the dtype";
    const std::vector<float> expected = run_experts(reference_, c, Multiplier::kOwn);
    for (const Multiplier multiplier : multipliers) {
      SCOPED_TRACE(multiplier == Multiplier::kOwn ? "own kernel" : "library");
      expect_close(run_experts(fast_, c, multiplier), expected, c.shape.dtype);
    }
  }
};

ExpertShape shape_of(int experts, int hidden, int intermediate, bool gated, Dtype dtype) {
  return ExpertShape{.experts = experts,
                     .hidden_size = hidden,
                     .intermediate = intermediate,
                     .gated = gated,
                     .dtype = dtype};
}

TEST_P(ExpertFfn, RunsBf16GatedExpertsAsTheReference) {
  expect_as_reference({shape_of(4, 256, 192, true, Dtype::kBf16), {5, 0, 130, 17}});
}

TEST_P(ExpertFfn, RunsTwoMatrixExpertsAsTheReference) {
  expect_as_reference({shape_of(3, 192, 320, false, Dtype::kBf16), {33, 1, 64}});
}

TEST_P(ExpertFfn, RunsFp8ExpertsAsTheReference) {
  expect_as_reference({shape_of(4, 256, 384, true, Dtype::kFp8Block), {7, 129, 0, 16}});
  expect_as_reference({shape_of(2, 128, 128, false, Dtype::kFp8Block), {3, 65}});
}

TEST_P(ExpertFfn, RunsRowsPaddedToATile) {
  ExpertCase c{shape_of(3, 128, 128, true, Dtype::kBf16), {5, 16, 20}};
  c.tile = 16;
  expect_as_reference(c);
  c.shape.dtype = Dtype::kFp8Block;
  expect_as_reference(c);
}

TEST_P(ExpertFfn, RunsOneTokenOneExpertAndManyEmptyExperts) {
  expect_as_reference({shape_of(1, 64, 64, true, Dtype::kBf16), {1}});
  std::vector<int> one_gets_all(64, 0);
  one_gets_all[41] = 70;
  expect_as_reference({shape_of(64, 64, 64, true, Dtype::kBf16), one_gets_all});
  expect_as_reference({shape_of(5, 64, 64, true, Dtype::kBf16), {0, 0, 0, 0, 0}});
}

TEST_P(ExpertFfn, RunsEveryNumberOfRowsAroundATile) {
  for (const Dtype dtype : {Dtype::kBf16, Dtype::kFp8Block})
    expect_as_reference(
        {shape_of(14, 128, 128, true, dtype), {1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 2}});
}

// Wd rows of zeros but for one 1 and Wg = Wu with one 1: y is silu(x) * x of that column.
TEST_P(ExpertFfn, ComputesSwiGlu) {
  const ExpertShape shape = shape_of(1, 64, 64, true, Dtype::kBf16);
  ExpertCase c{shape, {1}};
  c.fill_with_zeros();
  c.up[0 * 64 + 3] = to_bf16(1);         // gate row 0 reads x[3]
  c.up[(64 + 0) * 64 + 5] = to_bf16(1);  // up row 0 reads x[5]
  c.down[9 * 64 + 0] = to_bf16(2);       // output 9 reads inner 0
  c.rows[3] = to_bf16(1.5f);
  c.rows[5] = to_bf16(-4);
  for (const Multiplier multiplier : fast_.experts->multipliers(shape)) {
    const std::vector<float> y = run_experts(fast_, c, multiplier);
    const float expected = 2 * (1.5f / (1 + std::exp(-1.5f))) * -4;
    for (int h = 0; h < 64; ++h) EXPECT_NEAR(y[h], h == 9 ? expected : 0, 0.06f) << h;
  }
}

TEST_P(ExpertFfn, RefusesWhatItCannotRun) {
  const auto run = [&](const ExpertShape& shape, const std::vector<int>& tokens) {
    run_experts(fast_, ExpertCase(shape, tokens), Multiplier::kLibrary);
  };
  EXPECT_THROW(run(shape_of(1, 72, 64, true, Dtype::kBf16), {1}), UnsupportedError);
  EXPECT_THROW(run(shape_of(1, 128, 192, true, Dtype::kFp8Block), {1}), UnsupportedError);
  EXPECT_THROW(run(shape_of(2, 64, 64, true, Dtype::kBf16), {1}), UnsupportedError);
}

MOESIM_ON_ALL_BACKENDS(ExpertFfn);

TEST(RowOffsets, RoundEachExpertUpToTheTile) {
  EXPECT_EQ(row_offsets(std::vector<int>{3, 0, 8, 9}, 8), (std::vector<int>{0, 8, 8, 16, 32}));
  EXPECT_EQ(row_offsets(std::vector<int>{3, 0, 8}, 1), (std::vector<int>{0, 3, 3, 11}));
}

}  // namespace
}  // namespace moesim::kernels
