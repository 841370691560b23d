#include "sim/model/sequence.hpp"

#include <gtest/gtest.h>

namespace moesim {
namespace {

TEST(Prompts, FillTheTokensAndAPartStandsInTheMiddleOfItsPrompt) {
  const Sequences whole = prompts(300, {100, 150, 90});
  const Sequences expected = {
      {.new_tokens = 100}, {.new_tokens = 150}, {.new_tokens = 50, .earlier = 20}};
  EXPECT_EQ(whole, expected);
}

TEST(Slice, CutsSequencesAtBothEndsAndCountsWhatWasCutAsEarlier) {
  const Sequences all = prompts(200, {100});
  const Sequences expected = {{.new_tokens = 70, .earlier = 30}, {.new_tokens = 20}};
  EXPECT_EQ(slice(all, 30, 90), expected);
}

TEST(Slice, BeginsAgainAfterTheLastSequence) {
  const Sequences all = answers({10, 20});
  const Sequences expected = {{.new_tokens = 1, .earlier = 20, .decode = true},
                              {.new_tokens = 1, .earlier = 10, .decode = true},
                              {.new_tokens = 1, .earlier = 20, .decode = true}};
  EXPECT_EQ(slice(all, 1, 3), expected);
}

TEST(Slice, OfAllIsAll) {
  const Sequences all = answers({10, 20, 30}, 2);
  EXPECT_EQ(slice(all, 0, 6), all);
  EXPECT_EQ(new_tokens(all), 6);
}

}  // namespace
}  // namespace moesim
