// What the program does before any command does.
#include "tests/support/program.hpp"

#include <gmock/gmock.h>

namespace moesim {
namespace {

using ::testing::HasSubstr;

TEST(Program, SaysItsVersion) {
  const Session session = run_program({"--version"});
  EXPECT_EQ(session.exit_code, 0);
  EXPECT_EQ(session.out, "moesim " MOESIM_VERSION "\n");
}

TEST(Program, HelpsOnStdout) {
  const Session session = run_program({"--help"});
  EXPECT_EQ(session.exit_code, 0);
  EXPECT_THAT(session.out, HasSubstr("run"));
  EXPECT_EQ(session.err, "");
  EXPECT_THAT(run_program({"run", "--help"}).out, HasSubstr("--set"));
}

TEST(Program, RefusesAnUnknownCommandOnStderr) {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{}, {"simulate"}, {"--no-such-flag"}}) {
    const Session session = run_program(arguments);
    EXPECT_EQ(session.exit_code, 2);
    EXPECT_EQ(session.out, "");
    EXPECT_NE(session.err, "");
  }
}

}  // namespace
}  // namespace moesim
