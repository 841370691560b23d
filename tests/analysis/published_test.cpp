#include "analysis/published.hpp"

#include <gmock/gmock.h>

#include "tests/support/program.hpp"
#include "tests/support/sections.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moesim {
namespace {

class Published : public ::testing::Test {
 protected:
  TemporaryDirectory folder;

  std::string write(const std::string& points, const std::string& more = "within: 0.1\n") {
    std::ofstream(folder / "case.yaml")
        << "name: small\nsource: a book\ncompares: steps\nnot_modelled: [the weather]\n"
           "metric: step_time\n"
        << more
        << "scenario:\n  model: {preset: olmoe-1b-7b, layers: 2}\n"
           "  cluster: {preset: h100-sxm, gpus_per_node: 2}\n"
           "  workload: {phase: decode, tokens_per_gpu: 8, context: 100, steps: 1}\n"
           "  trace: balanced\n  exchange: direct\n  calibration: h100-sxm\npoints:\n"
        << points;
    return (folder / "case.yaml").string();
  }
};

TEST_F(Published, PredictsEveryPointOfItsOwnKeys) {
  const PublishedCase published = read_published_case(
      write("  - {name: few, published: 1 ms}\n"
            "  - {name: many, published: 1 ms, set: [workload.tokens_per_gpu=512]}\n"));
  ASSERT_EQ(published.points.size(), 2u);
  EXPECT_EQ(published.points[1].scenario.workload.tokens_per_gpu, 512);
  const auto results = predict(published, 1);
  EXPECT_GT(results[1].predicted, results[0].predicted);
  EXPECT_DOUBLE_EQ(results[0].error(published.points[0]), results[0].predicted / 1e-3 - 1);
}

TEST_F(Published, ScoresTheMeanOfAbsoluteErrorsAndCountsWhatPasses) {
  PublishedCase published{.within = 0.1};
  for (const double figure : {1.0, 2.0, 4.0}) published.points.push_back({.published = figure});
  const std::vector<PublishedResult> results = {
      {.predicted = 1.05}, {.predicted = 1.8}, {.predicted = 5}};
  const PublishedScore sum = score(published, results);
  EXPECT_NEAR(sum.mape, (0.05 + 0.1 + 0.25) / 3, 1e-12);
  EXPECT_NEAR(sum.bias, (0.05 - 0.1 + 0.25) / 3, 1e-12);
  EXPECT_EQ(sum.points, 3);
}

TEST_F(Published, CommandSaysNoWhereAPointIsTooFarOff) {
  const Session far = run_program({"validate", write("  - {name: few, published: 1 s}\n")});
  EXPECT_EQ(far.exit_code, 1) << far.err;
  EXPECT_THAT(far.out, ::testing::HasSubstr("FAILS"));
  EXPECT_THAT(far.out, ::testing::HasSubstr("not modelled: the weather"));
  const Session near = run_program(
      {"validate", write("  - {name: few, published: 1 s}\n", "within: 2\n"), "--json"});
  EXPECT_EQ(near.exit_code, 0) << near.err;
  EXPECT_THAT(near.out, ::testing::HasSubstr("\"schema\": \"moesim.published/1\""));
}

TEST_F(Published, MistakesOfACaseArePlaced) {
  const auto error = [&](const std::string& points) {
    return error_of([&] { read_published_case(write(points)); });
  };
  EXPECT_THAT(error("  []\n"), ::testing::HasSubstr("points is a list of published figures"));
  EXPECT_THAT(error("  - {name: few, published: fast}\n"), ::testing::HasSubstr("case.yaml:15:28"));
  EXPECT_THAT(error("  - {name: few, published: 1 ms, set: [workload.tokens=3]}\n"),
              ::testing::HasSubstr("has no key 'tokens'"));
}

}  // namespace
}  // namespace moesim
