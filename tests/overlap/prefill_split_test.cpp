#include "sim/overlap/prefill_split.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/support/shared_data.hpp"

namespace moesim {
namespace {

using Json = nlohmann::json;

TEST(PrefillSplit, IsThatOfSglangInEveryGoldenCase) {
  MOESIM_NEEDS_SHARED(path, "placement_golden.json");
  const Json golden = Json::parse(std::ifstream(path));
  int cases = 0;
  for (const Json& one : golden["cases"]) {
    if (one["algorithm"] != "sglang_tbo_prefill_split") continue;
    SCOPED_TRACE(one["name"].get<std::string>());
    const PrefillSplit split = split_prefill(one["inputs"]["extend_lens"].get<std::vector<int>>(),
                                             one["inputs"]["threshold"]);
    EXPECT_EQ(split.inside_prompt, one["expected"]["two_chunk_split"].get<bool>());
    EXPECT_EQ(split.prompt, one["expected"]["split_seq_index"].get<int>());
    EXPECT_EQ(split.tokens, one["expected"]["split_token_index"].get<int>());
    ++cases;
  }
  EXPECT_EQ(cases, 7);
}

TEST(PrefillSplit, CutsBetweenPromptsWhereTheHalvesDifferLeastAndTakesTheLaterOfTwo) {
  const PrefillSplit split = split_prefill(std::vector<int>{10, 20, 10}, 0);
  EXPECT_EQ(split.prompt, 2);  // 10 | 30 is as good as 30 | 10
  EXPECT_EQ(split.tokens, 30);
  EXPECT_FALSE(split.inside_prompt);
}

TEST(PrefillSplit, CutsAPromptInTwoWhereAHalfWouldBeTooSmall) {
  const PrefillSplit split = split_prefill(std::vector<int>{10, 90}, 0.48);
  EXPECT_TRUE(split.inside_prompt);
  EXPECT_EQ(split.prompt, 1);
  EXPECT_EQ(split.tokens, 50);
}

}  // namespace
}  // namespace moesim
