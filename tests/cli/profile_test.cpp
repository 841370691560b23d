// Sessions of `moesim profile` on this machine's processors.
#include <gmock/gmock.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "analysis/json.hpp"
#include "tests/support/program.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moesim {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;

class ProfileCommand : public ::testing::Test {
 protected:
  TemporaryDirectory folder;
  std::string file = (folder / "m.jsonl").string();

  Session profile(std::vector<std::string> more) {
    more.insert(more.begin(), {"profile", "--device", "cpu", "--quick"});
    return run_program(more);
  }
  Session profile_small(const std::string& limit = "60 s") {
    return profile({"--hidden", "64", "--width", "64", "--experts", "8", "--top-k", "2", "--tokens",
                    "4,32", "--local-experts", "4", "--noise", "1", "--time-limit", limit, "-o",
                    file});
  }
  std::vector<Json> lines() const {
    std::vector<Json> all;
    std::ifstream stream(file);
    for (std::string line; std::getline(stream, line);) all.push_back(Json::parse(line));
    return all;
  }
};

TEST_F(ProfileCommand, WritesOneSelfDescribingFile) {
  const Session session = profile_small();
  ASSERT_EQ(session.exit_code, 0) << session.err;
  const std::vector<Json> all = lines();
  ASSERT_GT(all.size(), 10u);
  const Json& device = all[0]["device"];
  EXPECT_EQ(all[0]["schema"], "moesim.measurements/1");
  EXPECT_EQ(device["kind"], "cpu");
  EXPECT_GT(device["peak_flops"]["bf16"].get<double>(), 1e6);
  EXPECT_GT(device["memory_bandwidth"].get<double>(), 1e6);
  EXPECT_EQ(all[0]["options"]["tokens"], Json({4, 32}));
  std::set<std::string> kernels;
  for (std::size_t i = 1; i < all.size(); ++i) {
    const Json& seconds = all[i]["seconds"];
    EXPECT_GT(seconds["median"].get<double>(), 0);
    EXPECT_LE(seconds["p10"], seconds["median"]);
    EXPECT_LE(seconds["median"], seconds["p90"]);
    EXPECT_GE(all[i]["count"].get<int>(), 7);
    kernels.insert(all[i]["kernel"]);
    if (all[i]["kernel"] != "experts") continue;
    EXPECT_EQ(all[i]["rows"].size(), 4u);
    EXPECT_EQ(all[i]["variant"], "blas");
    EXPECT_LT(all[i]["checked"]["max_relative_error"].get<double>(), 0.03);
  }
  EXPECT_EQ(kernels, (std::set<std::string>{"experts", "gate", "router", "gemm", "memory_pass",
                                            "copy_device", "launch"}));
}

TEST_F(ProfileCommand, GoesOnWithASweepThatWasInterrupted) {
  ASSERT_EQ(profile_small().exit_code, 0);
  const std::vector<Json> all = lines();
  {
    std::ofstream cut(file);
    for (std::size_t i = 0; i < 5; ++i) cut << all[i].dump() << "\n";
    cut << R"({"kernel":"exp)";
  }
  const Session again = profile_small("30 s");
  ASSERT_EQ(again.exit_code, 0) << again.err;
  EXPECT_THAT(again.err, HasSubstr("4 were there already"));
  const std::vector<Json> now = lines();
  ASSERT_EQ(now.size(), all.size());
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(now[i], all[i]);
  EXPECT_THAT(profile_small().err, HasSubstr("0 points measured"));
}

TEST_F(ProfileCommand, StopsAtItsTimeLimitAndSaysWhatIsLeft) {
  const Session session = profile({"--time-limit", "0.2 s", "-o", file});
  EXPECT_EQ(session.exit_code, 0) << session.err;
  EXPECT_THAT(session.err, ContainsRegex("[0-9]+ left \\(the same command goes on with them\\)"));
}

TEST_F(ProfileCommand, DoesNotMixSweepsInAFile) {
  ASSERT_EQ(profile_small().exit_code, 0);
  const auto before = lines();
  const Session other = profile({"--kernels", "gate", "-o", file});
  EXPECT_EQ(other.exit_code, 2);
  EXPECT_THAT(other.err, HasSubstr("the file holds another sweep (options differs)"));
  EXPECT_EQ(lines(), before);
}

TEST_F(ProfileCommand, SaysWhatItWouldMeasureWithoutMeasuring) {
  const Session session = profile({"--dry-run", "--kernels", "gate,launch"});
  EXPECT_EQ(session.exit_code, 0) << session.err;
  EXPECT_THAT(session.out, HasSubstr("points on cpu, at most 10 s:\n  gate"));
  EXPECT_THAT(session.out, HasSubstr("  launch                   6\n"));
}

TEST_F(ProfileCommand, LeavesOutWhatTheDeviceCannotDo) {
  const Session session = profile({"--kernels", "experts_with_copy", "--tokens", "16", "-o", file});
  EXPECT_EQ(session.exit_code, 0) << session.err;
  EXPECT_THAT(session.err, HasSubstr("nothing runs beside a kernel on this device"));
  const Session collectives = profile({"--kernels", "all_reduce,all_to_all", "--sizes", "1 MB",
                                       "-o", (folder / "c.jsonl").string()});
  EXPECT_EQ(collectives.exit_code, 0) << collectives.err;
  EXPECT_THAT(collectives.err, HasSubstr("left out: 2 points: collectives run between GPUs"));
}

TEST_F(ProfileCommand, PlacesMistakesInAxes) {
  std::ofstream(folder / "axes.yaml") << "preset: cpu-quick\nkernels: [experts, gaet]\n";
  const Session session =
      run_program({"profile", (folder / "axes.yaml").string(), "--device", "cpu", "-o", file});
  EXPECT_EQ(session.exit_code, 2);
  EXPECT_THAT(session.err, HasSubstr("axes.yaml:2:10: error: 'gaet' is none of the kernels"));
  EXPECT_THAT(session.err, HasSubstr("hint: did you mean 'gate'?"));
  EXPECT_FALSE(std::filesystem::exists(file));
}

}  // namespace
}  // namespace moesim
