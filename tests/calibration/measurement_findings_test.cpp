#include "sim/calibration/measurement_findings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace moesim {
namespace {
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Measurement call(const std::string& kernel, double seconds, int taken = 0) {
  Measurement sample{.kernel = kernel,
                     .variant = "own",
                     .dtype = DType::kBf16,
                     .shape = {{"tokens", 64}, {"hidden", 1024}},
                     .rows = {8, 8},
                     .cache = "cold",
                     .median = Seconds(seconds)};
  if (kernel == "experts_with_copy") sample.shape["copy_sms"] = taken;
  return sample;
}

MeasurementFile file_of(std::vector<Measurement> samples) {
  return {.device = {.kind = "cuda", .name = "GPU", .sms = 16}, .samples = std::move(samples)};
}

TEST(MeasurementFindings, TellThePartOfTheFfnAndWhatACopyBesideCosts) {
  const auto findings = measurement_findings(
      file_of({call("experts", 10e-6), call("ffn", 6e-6), call("experts_with_copy", 12e-6),
               call("experts_with_copy", 15e-6, 4)}));
  EXPECT_THAT(findings,
              ElementsAre(HasSubstr("the grouped FFN is 60 % of experts own bf16"),
                          HasSubstr("take 1.25 times as long beside a copy that holds 4 of 16")));
  EXPECT_THAT(findings[1], HasSubstr("slows their compute-bound part by 1.33"));
}

TEST(MeasurementFindings, CompareOnlyTheSameCall) {
  Measurement other = call("ffn", 6e-6);
  other.rows = {16, 0};
  EXPECT_THAT(measurement_findings(file_of({call("experts", 10e-6), other})),
              ElementsAre(HasSubstr("none of which was measured as experts too")));
  EXPECT_THAT(measurement_findings(file_of({call("experts", 10e-6)})), IsEmpty());
}

}  // namespace
}  // namespace moesim
