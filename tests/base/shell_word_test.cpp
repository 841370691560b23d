#include "sim/base/shell_word.hpp"

#include <gtest/gtest.h>

namespace moesim {
namespace {

TEST(ShellWord, IsQuotedWhereAShellWouldSplitIt) {
  EXPECT_EQ(shell_word("placement=linear,lpt"), "placement=linear,lpt");
  EXPECT_EQ(shell_word("name=a b"), "'name=a b'");
  EXPECT_EQ(shell_word("it's"), "'it'\\''s'");
  EXPECT_EQ(shell_word(""), "''");
}

}  // namespace
}  // namespace moesim
