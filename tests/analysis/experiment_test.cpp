#include "analysis/experiment.hpp"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <thread>

#include "sim/base/check.hpp"
#include "sim/base/error.hpp"
#include "sim/base/yaml.hpp"

namespace moesim {
namespace {

using ::testing::HasSubstr;

void pause_ms(int milliseconds) {
  std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
}

Variant fixed(const std::string& name, const std::string& document) {
  return {.name = name, .run = [document] { return document; }};
}

TEST(RunVariants, GivesDocumentsInTheOrderOfTheVariants) {
  const std::vector<Variant> variants = {
      {.name = "slow", .run = [] { return pause_ms(120), std::string("first"); }},
      fixed("quick", "second"),
      fixed("empty", ""),
      fixed("last", "fourth")};
  for (const int jobs : {1, 2, 8}) {
    std::vector<std::string> documents;
    std::vector<int> ended;
    const ExperimentOptions options{.jobs = jobs,
                                    .on_done = [&](int count) { ended.push_back(count); }};
    for (const Outcome& outcome : run_variants(variants, options)) {
      EXPECT_EQ(outcome.exit_code, 0);
      documents.push_back(outcome.document);
    }
    EXPECT_THAT(documents, ::testing::ElementsAre("first", "second", "", "fourth"));
    EXPECT_THAT(ended, ::testing::ElementsAre(1, 2, 3, 4));
  }
}

TEST(RunVariants, BringsDocumentsOfManyMegabytes) {
  std::string large(20'000'000, 'x');
  for (std::size_t i = 0; i < large.size(); i += 997) large[i] = static_cast<char>(i);
  const auto outcomes = run_variants({fixed("a", large), fixed("b", large + "b")}, {.jobs = 2});
  EXPECT_TRUE(outcomes[0].document == large);
  EXPECT_TRUE(outcomes[1].document == large + "b");
}

TEST(RunVariants, PassesAMistakeOfTheUserThrough) {
  const Variant wrong{.name = "wrong", .run = []() -> std::string {
                        throw InputError({text_source("a.yaml", "x: 1"), 1, 4}, "x is wrong");
                      }};
  const auto outcomes = run_variants({wrong, fixed("right", "document")}, {.jobs = 1});
  EXPECT_EQ(outcomes[0].exit_code, 2);
  EXPECT_EQ(outcomes[0].error, "a.yaml:1:4: error: x is wrong\n  x: 1\n     ^");
  EXPECT_EQ(outcomes[1].document, "document");
  try {
    throw_if_failed(outcomes);
    FAIL() << "the first variant failed";
  } catch (const VariantFailed& failure) {
    EXPECT_EQ(failure.exit_code(), 2);
    EXPECT_EQ(failure.what(), outcomes[0].error);
  }
}

TEST(RunVariants, ReportsACrashOfOneChildAsABugOfThatVariant) {
  const Variant crash{.name = "seed 3", .run = []() -> std::string {
                        std::fputs("last words\n", stderr);
                        std::signal(SIGSEGV, SIG_DFL);  // not the sanitizer's
                        raise(SIGSEGV);
                        return "";
                      }};
  const auto outcomes = run_variants({fixed("a", "one"), crash, fixed("c", "three")}, {.jobs = 2});
  EXPECT_EQ(outcomes[0].document, "one");
  EXPECT_EQ(outcomes[2].document, "three");
  EXPECT_EQ(outcomes[1].exit_code, 70);
  EXPECT_THAT(outcomes[1].error, HasSubstr("internal error in 'seed 3': ended by signal 11"));
}

TEST(RunVariants, ReportsAFailedCheckAsABug) {
  const Variant bug{.name = "a", .run = []() -> std::string {
                      MOESIM_CHECK(1 + 1 == 3, "sums hold");
                      return "";
                    }};
  const auto outcomes = run_variants({bug}, {});
  EXPECT_EQ(outcomes[0].exit_code, 70);
  EXPECT_THAT(outcomes[0].error, HasSubstr("check failed: 1 + 1 == 3 (sums hold)"));
}

TEST(RunVariants, AChildThatLeavesInTheMiddleIsNotTakenForDone) {
  const auto outcomes = run_variants({{.name = "a", .run = []() -> std::string { _exit(0); }}}, {});
  EXPECT_EQ(outcomes[0].exit_code, 70);
  EXPECT_THAT(outcomes[0].error, HasSubstr("without a whole document"));
}

TEST(RunVariants, KeepsWhatAChildWritesOutOfOurOutput) {
  const Variant chatty{.name = "a", .run = [] {
                         std::fputs("to stdout\n", stdout);
                         std::fputs("to stderr\n", stderr);
                         return std::string("document");
                       }};
  std::fputs("before ", stdout);  // in the buffer when the child is forked
  ::testing::internal::CaptureStdout();
  const auto outcomes = run_variants({chatty}, {});
  std::fflush(stdout);
  EXPECT_EQ(::testing::internal::GetCapturedStdout().find("to stdout"), std::string::npos);
  EXPECT_THAT(outcomes[0].diagnostics, HasSubstr("to stdout\n"));
  EXPECT_THAT(outcomes[0].diagnostics, HasSubstr("to stderr\n"));
  EXPECT_THAT(outcomes[0].diagnostics, ::testing::Not(HasSubstr("before")));
}

// In a process of its own: SIGINT ends its children and becomes Interrupted.
TEST(RunVariants, AnInterruptKillsTheChildren) {
  const pid_t parent = fork();
  if (parent == 0) {
    const Variant endless{.name = "endless", .run = [] { return pause_ms(60000), std::string(); }};
    try {
      run_variants({endless, endless}, {.jobs = 2});
    } catch (const Interrupted&) {
      // No child is left to be waited for.
      _exit(waitpid(-1, nullptr, 0) < 0 && errno == ECHILD ? 130 : 1);
    }
    _exit(2);
  }
  pause_ms(100);
  kill(parent, SIGINT);
  int status = 0;
  ASSERT_EQ(waitpid(parent, &status, 0), parent);
  EXPECT_EQ(WEXITSTATUS(status), 130);
}

}  // namespace
}  // namespace moesim
