#include "analysis/blame.hpp"

#include <gmock/gmock.h>

namespace moesim {
namespace {

using ::testing::HasSubstr;

// Of 10 ms a step: balance saves 1 ms, free communication 4, stragglers nothing, memory costs one
// that is not there; all of these save 6.
Blame example() {
  return {
      .steps = {0.008, 0.012},
      .without = {{0.008, 0.010}, {0.004, 0.008}, {0.008, 0.012}, {0.008, 0.014}, {0.004, 0.004}}};
}

TEST(Blame, HasTheDifferenceOfEachCauseAndWhatTheyMakeOfEachOther) {
  const Json json = blame_json(example());
  EXPECT_DOUBLE_EQ(json["step_time_s"], 0.010);
  ASSERT_EQ(json["causes"].size(), 5u);
  const Json& free = json["causes"][1];
  EXPECT_EQ(free["cause"], "free_communication");
  EXPECT_DOUBLE_EQ(free["step_time_s"], 0.006);
  EXPECT_DOUBLE_EQ(free["saved_s"], 0.004);
  EXPECT_DOUBLE_EQ(free["share_of_step"], 0.4);
  EXPECT_EQ(free["steps_s"].dump(), "[0.004,0.008]");
  EXPECT_DOUBLE_EQ(json["causes"][3]["saved_s"], -0.001);
  // 1 + 4 + 0 − 1 one by one, 6 together.
  EXPECT_NEAR(json["interaction_s"].get<double>(), 0.002, 1e-15);
}

TEST(Blame, PrintsALinePerCause) {
  const std::string table = blame_table(example(), {});
  for (const char* line :
       {"as it was                           10.0 ms\n",
        "with balanced loads                 9.00 ms     −1.00 ms      −10.0 %\n",
        "with free communication             6.00 ms     −4.00 ms      −40.0 %\n",
        "without stragglers                  10.0 ms         none\n",
        "with infinitely fast memory         11.0 ms     +1.00 ms      +10.0 %\n",
        "all of these                        4.00 ms     −6.00 ms      −60.0 %\n",
        "one by one the causes save 4.00 ms, together 6.00 ms: 2.00 ms show only when others are "
        "gone, too\n"})
    EXPECT_THAT(table, HasSubstr(line));
}

}  // namespace
}  // namespace moesim
