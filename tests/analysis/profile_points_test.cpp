// What a file of axes asks to be measured.
#include "analysis/profile_points.hpp"

#include <gmock/gmock.h>

#include <map>
#include <numeric>
#include <set>

#include "sim/base/presets.hpp"
#include "sim/calibration/measurement_file.hpp"
#include "tests/support/mistakes.hpp"

namespace moesim {
namespace {

using ::testing::HasSubstr;
using ::testing::IsSupersetOf;

ProfileSweep sweep_of(const std::string& yaml) {
  return profile_sweep(read_profile_axes(parse_yaml(text_source("axes.yaml", yaml))));
}

const std::string kShape = "shapes: [{hidden: 64, width: 64, experts: 8, top_k: 2}]\n";

TEST(ProfilePoints, AreEveryCombinationOnce) {
  const ProfileSweep sweep =
      sweep_of(kShape +
               "kernels: [experts]\ntokens: [16, 64]\nlocal_experts: [2, 8]\ncaches: [warm, cold]\n"
               "skews: [balanced, {kind: lognormal, sigma: 1.0}]\n");
  std::set<std::string> different;
  for (const Json& point : sweep.points) different.insert(point.dump());
  EXPECT_EQ(sweep.points.size(), 16u);
  EXPECT_EQ(different.size(), 16u);
}

TEST(ProfilePoints, HoldTheRowsOfTheHeaviestRank) {
  const ProfileSweep sweep = sweep_of(kShape +
                                      "kernels: [experts]\ntokens: [4096]\nlocal_experts: [2, 8]\n"
                                      "skews: [{kind: lognormal, sigma: 1.0}]\n");
  std::vector<int> all, part;
  for (const Json& point : sweep.points) {
    const auto rows = point.at("rows").get<std::vector<int>>();
    (rows.size() == 8 ? all : part) = rows;
  }
  ASSERT_EQ(all.size(), 8u);
  EXPECT_EQ(std::accumulate(all.begin(), all.end(), 0), 2 * 4096);
  int heaviest = 0;
  for (std::size_t i = 0; i < 8; i += 2) heaviest = std::max(heaviest, all[i] + all[i + 1]);
  ASSERT_EQ(part.size(), 2u);
  EXPECT_EQ(part[0] + part[1], heaviest);
}

// Every token has a route to the only rank; with two experts on a rank some have none, and some
// two.
TEST(ProfilePoints, CountTheDistinctTokensThatWereSent) {
  for (const Json& point :
       sweep_of(kShape + "kernels: [experts]\ntokens: [1024]\nlocal_experts: [2, 8]\n"
                         "skews: [balanced]\n")
           .points) {
    const int sent = point.at("shape").at("input_tokens");
    const auto rows = point.at("rows").get<std::vector<int>>();
    const int pairs = std::accumulate(rows.begin(), rows.end(), 0);
    if (rows.size() == 8) {
      EXPECT_EQ(sent, 1024);
    }
    EXPECT_GE(sent, (pairs + 1) / 2);
    EXPECT_LE(sent, pairs);
  }
}

TEST(ProfilePoints, AnyBeginningIsSpreadOverTheGrid) {
  const ProfileSweep sweep =
      sweep_of(kShape +
               "kernels: [experts]\ntokens: [1, 4, 16, 64, 256]\nlocal_experts: [1, 2, 4, 8]\n"
               "dtypes: [bf16, fp8_block]\nskews: [balanced, {kind: zipf}]\n");
  std::map<int, int> of_tokens, of_local;
  ASSERT_GE(sweep.points.size(), 60u);
  for (std::size_t i = 0; i < 20; ++i) {
    ++of_tokens[sweep.points[i].at("shape").at("tokens")];
    ++of_local[sweep.points[i].at("shape").at("local_experts")];
  }
  for (const int tokens : {1, 4, 16, 64, 256}) EXPECT_GE(of_tokens[tokens], 2) << tokens;
  for (const int local : {1, 2, 4, 8}) EXPECT_GE(of_local[local], 2) << local;
}

TEST(ProfilePoints, LeaveOutWhatARecordingCannotServeAndSaySo) {
  const ProfileSweep sweep = sweep_of(
      "models: [olmoe-1b-7b, deepseek-v3]\nkernels: [experts]\ntokens: [64]\n"
      "local_experts: [8]\nskews: [{kind: file, path: small_moe.h5}]\n");
  ASSERT_EQ(sweep.points.size(), 1u);
  EXPECT_EQ(sweep.points[0].at("shape").at("experts"), 64);
  ASSERT_EQ(sweep.left_out.size(), 1u);
  EXPECT_THAT(sweep.left_out[0], HasSubstr("256 experts"));
}

TEST(ProfileAxes, NameKernelsThatCalibrateReads) {
  EXPECT_THAT(measured_kernels(), IsSupersetOf(profile_kernels()));
}

TEST(ProfileAxes, OfEveryPresetCanBeMeasured) {
  const auto presets = preset_names("profiles");
  EXPECT_EQ(presets.size(), 6u);
  for (const std::string& preset : presets)
    EXPECT_GT(sweep_of("preset: " + preset + "\ntokens: [16]\n").points.size(), 10u) << preset;
}

TEST(ProfileAxes, NameEveryMistakeWithItsPlace) {
  const std::string text = mistake_of([] {
    sweep_of(
        "shapes: [{hidden: 64, width: 64, experts: 8, top_k: 9}]\n"
        "kernels: [expert]\ntokens: [0]\ngemms: [64*64]\nskews: [{kind: lognormall}]\n");
  });
  EXPECT_THAT(text, HasSubstr("axes.yaml:1:"));
  EXPECT_THAT(text, HasSubstr("a token cannot have more experts than there are"));
  EXPECT_THAT(text, HasSubstr("axes.yaml:2:"));
  EXPECT_THAT(text, HasSubstr("did you mean 'experts'?"));
  EXPECT_THAT(text, HasSubstr("tokens holds whole numbers from 1, not 0"));
  EXPECT_THAT(text, HasSubstr("'64*64' is no pair of sizes"));
  EXPECT_THAT(text, HasSubstr("did you mean 'lognormal'?"));
}

}  // namespace
}  // namespace moesim
