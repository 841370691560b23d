#include "sim/base/call_program.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <csignal>

namespace moesim {
namespace {

ProgramEnd in_shell(const std::string& script, ProgramText asked) {
  return call_program({"sh", "-c", script}, asked);
}

TEST(CallProgram, GivesWhatIsAskedForOfItsOutput) {
  const std::string script = "echo out; echo err >&2; exit 3";
  const ProgramEnd all = in_shell(script, ProgramText::kOutputAndErrors);
  EXPECT_EQ(all.exit_code, 3);
  EXPECT_EQ(all.text, "out\nerr\n");
  testing::internal::CaptureStderr();
  EXPECT_EQ(in_shell(script, ProgramText::kOutput).text, "out\n");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "err\n");
  EXPECT_EQ(in_shell("exit 4", ProgramText::kNone).exit_code, 4);
}

TEST(CallProgram, SaysWhyItWasNotStarted) {
  EXPECT_EQ(call_program({"no-such-program"}, ProgramText::kOutput).start_error, ENOENT);
}

TEST(CallProgram, IsEndedByAnInterruptThatWeIgnore) {
  const auto former = std::signal(SIGINT, SIG_IGN);
  EXPECT_EQ(in_shell("kill -INT $$; sleep 5", ProgramText::kNone).exit_code, 128 + SIGINT);
  std::signal(SIGINT, former);
}

}  // namespace
}  // namespace moesim
