#include "analysis/output_directory.hpp"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "sim/base/error.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moesim {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kSummary = R"({"schema": "moesim.summary/1"})";

void fill(OutputDirectory& output, const std::string& summary = kSummary) {
  output.write("summary.json", summary);
  output.write("steps.csv", "step\n");
  output.commit();
}

std::string refusal(const std::filesystem::path& path) {
  try {
    OutputDirectory output(path);
  } catch (const InputError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(OutputDirectory, IsCreatedWithTheFoldersAboveIt) {
  const TemporaryDirectory folder;
  OutputDirectory output(folder / "a/b/");
  EXPECT_FALSE(std::filesystem::exists(folder / "a/b"));
  fill(output);
  EXPECT_THAT(names_in(folder / "a"), ElementsAre("b"));
  EXPECT_THAT(names_in(folder / "a/b"), ElementsAre("steps.csv", "summary.json"));
}

TEST(OutputDirectory, IsFilledIfEmpty) {
  const TemporaryDirectory folder;
  std::filesystem::create_directory(folder / "empty");
  OutputDirectory output(folder / "empty");
  fill(output);
  EXPECT_THAT(names_in(folder.path()), ElementsAre("empty"));
  EXPECT_EQ(file_text(folder / "empty/summary.json"), kSummary);
}

TEST(OutputDirectory, ReplacesAResultOfMoesimAsAWhole) {
  const TemporaryDirectory folder;
  write_file(folder / "run/summary.json", kSummary);
  write_file(folder / "run/timeline.json", "old");
  OutputDirectory output(folder / "run");
  EXPECT_EQ(file_text(folder / "run/timeline.json"), "old");  // until all is done
  fill(output, R"({"schema": "moesim.summary/1", "new": true})");
  EXPECT_THAT(names_in(folder.path()), ElementsAre("run"));
  EXPECT_THAT(names_in(folder / "run"), ElementsAre("steps.csv", "summary.json"));
  EXPECT_THAT(file_text(folder / "run/summary.json"), HasSubstr("new"));
}

TEST(OutputDirectory, RefusesADirectoryOfSomethingElse) {
  const TemporaryDirectory folder;
  write_file(folder / "thesis/chapter.tex", "years of work");
  EXPECT_THAT(refusal(folder / "thesis"), HasSubstr("is neither empty nor a result of moesim"));
  write_file(folder / "thesis/summary.json", R"({"schema": "other/1"})");
  EXPECT_THAT(refusal(folder / "thesis"), HasSubstr("is neither empty nor a result of moesim"));
  write_file(folder / "thesis/summary.json", "[not json");
  EXPECT_THAT(refusal(folder / "thesis"), HasSubstr("is neither empty nor a result of moesim"));
  EXPECT_THAT(names_in(folder.path()), ElementsAre("thesis"));
}

TEST(OutputDirectory, RefusesAFileAndAPlaceThatCannotBe) {
  const TemporaryDirectory folder;
  write_file(folder / "file", "x");
  EXPECT_THAT(refusal(folder / "file"), HasSubstr("is a file"));
  EXPECT_THAT(refusal(folder / "file/below"), HasSubstr("cannot be"));
  EXPECT_THAT(refusal(""), HasSubstr("is not the name of a directory"));
}

TEST(OutputDirectory, LeavesNothingWhereItIsNotCommitted) {
  const TemporaryDirectory folder;
  write_file(folder / "run/summary.json", kSummary);
  {
    OutputDirectory output(folder / "run");
    output.write("summary.json", "half");
    OutputDirectory::check(folder / "run");
  }
  EXPECT_THAT(names_in(folder.path()), ElementsAre("run"));
  EXPECT_EQ(file_text(folder / "run/summary.json"), kSummary);
}

TEST(OutputDirectory, AnInterruptLeavesNothing) {
  const TemporaryDirectory folder;
  const pid_t child = fork();
  if (child == 0) {
    OutputDirectory output(folder / "run");
    output.write("timeline.json", "half");
    raise(SIGINT);
    _exit(0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 130);
  EXPECT_THAT(names_in(folder.path()), ElementsAre());
}

TEST(OutputDirectory, FollowsALinkToTheDirectoryItself) {
  const TemporaryDirectory folder;
  std::filesystem::create_directory(folder / "real");
  std::filesystem::create_symlink("real", folder / "link");
  OutputDirectory output(folder / "link");
  fill(output);
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "link"));
  EXPECT_EQ(file_text(folder / "real/summary.json"), kSummary);
}

}  // namespace
}  // namespace moesim
