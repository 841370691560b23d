// The parts of moesim-profile that need no device.
#include <gmock/gmock.h>

#include <fstream>
#include <numeric>

#include "kernels/profile/measure.hpp"
#include "kernels/profile/rank_load.hpp"
#include "kernels/profile/sample_file.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moesim::kernels {
namespace {

using ::testing::HasSubstr;

TEST(TimingOf, IsTheMedianAndItsQuantiles) {
  const Timing timing = timing_of({5, 1, 4, 2, 3, 6, 7, 8, 9, 10, 11});
  EXPECT_EQ(timing.median, 6);
  EXPECT_EQ(timing.p10, 2);
  EXPECT_EQ(timing.p90, 10);
  EXPECT_EQ(timing.count, 11);
}

// Order statistics 5.5 ± 0.98·√11: the 3rd and the 10th of 1 .. 11.
TEST(TimingOf, NoiseIsHalfTheIntervalOfTheMedian) {
  EXPECT_DOUBLE_EQ(timing_of({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}).noise, 0.5 * (10 - 3) / 6.0);
  EXPECT_EQ(timing_of({2, 2, 2, 2, 2, 2, 2}).noise, 0);
}

TEST(TimingOf, OneSampleThatIsFarOffDoesNotMoveTheMedian) {
  EXPECT_EQ(timing_of({1, 1, 1, 1, 1, 1, 1000}).median, 1);
}

TEST(RoutesOf, GiveEveryExpertItsRowsAndNoTokenAnExpertTwice) {
  const std::vector<int> rows = {5, 0, 7, 3, 1};
  const auto ids = routes_of(rows, 7, 4);
  std::vector<int> found(rows.size());
  for (int token = 0; token < 7; ++token) {
    std::set<int> own;
    for (int choice = 0; choice < 4; ++choice) {
      const int id = ids[static_cast<std::size_t>(4 * token + choice)];
      if (id < 0) continue;
      ++found[static_cast<std::size_t>(id)];
      EXPECT_TRUE(own.insert(id).second) << "token " << token;
    }
    EXPECT_GE(own.size(), 2u);  // 16 pairs over 7 tokens
    EXPECT_LE(own.size(), 3u);
  }
  EXPECT_EQ(found, rows);
}

TEST(RoutesOf, RefuseMoreRowsThanTokens) {
  EXPECT_THROW(routes_of(std::vector<int>{8}, 7, 4), std::invalid_argument);
  EXPECT_THROW(routes_of(std::vector<int>{7, 7}, 7, 1), std::invalid_argument);
}

class Samples : public ::testing::Test {
 protected:
  TemporaryDirectory folder;
  std::filesystem::path path = folder / "m.jsonl";
  Json header = {{"schema", "moesim.measurements/1"}};
  Json point(int tokens) const {
    return {{"kernel", "gate"}, {"variant", "usual"}, {"shape", {{"tokens", tokens}}}};
  }
  std::string text() const {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }
};

TEST_F(Samples, ThatAreThereAreKnownAgainThoughTheDeviceNamedTheVariant) {
  {
    SampleFile file(path);
    file.write_header(header);
    Json sample = point(1);
    sample["asked"] = "usual";
    sample["variant"] = "blas";
    file.write(sample);
  }
  SampleFile again(path);
  EXPECT_EQ(*again.header(), header);
  EXPECT_TRUE(again.has(point(1)));
  EXPECT_FALSE(again.has(point(2)));
}

TEST_F(Samples, ALastLineThatWasCutOffIsMeasuredAgain) {
  {
    SampleFile file(path);
    file.write_header(header);
    file.write(point(1));
  }
  const std::string whole = text();
  std::ofstream(path, std::ios::app) << R"({"kernel":"gate","varia)";
  SampleFile again(path);
  EXPECT_EQ(again.samples(), 1u);
  again.write(point(2));
  EXPECT_EQ(text(), whole + point(2).dump() + "\n");
}

TEST_F(Samples, AFileOfAnotherKindIsLeftAsItIs) {
  for (const char* content : {"my notes\n", "my notes", "{\"a\": 1}\n"}) {
    std::ofstream(path) << content;
    EXPECT_THROW(SampleFile file(path), std::runtime_error);
    EXPECT_EQ(text(), content);
  }
}

}  // namespace
}  // namespace moesim::kernels
