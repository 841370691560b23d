// Completion: what the program suggests, and what bash, zsh and fish make of it.
#include <gmock/gmock.h>

#include "sim/cli/complete.hpp"
#include "tests/support/program.hpp"
#include "tests/support/shell.hpp"

namespace moesim {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Not;
using Files = Completion::Files;

std::vector<std::string> words(const std::string& line) {
  std::vector<std::string> words;
  for (const Suggestion& suggestion : complete(line).words) words.push_back(suggestion.word);
  return words;
}

TEST(Complete, NamesCommandsSubcommandsAndTheirFlags) {
  EXPECT_THAT(words("moesim comp"), ElementsAre("compare", "completion"));
  EXPECT_THAT(words("moesim --v"), ElementsAre("--version"));
  EXPECT_THAT(words("moesim trace in"), ElementsAre("inspect"));
  EXPECT_THAT(words("moesim trace gen --tok"), ElementsAre("--tokens-per-gpu"));
  EXPECT_THAT(words("moesim trace inspect --tok"), IsEmpty());
  EXPECT_THAT(words("moesim compare --fail"), ElementsAre("--fail-below"));
  EXPECT_THAT(words("moesim no-such-command --"), IsEmpty());
}

TEST(Complete, KnowsTheValuesOfAFlag) {
  EXPECT_THAT(words("moesim run a.yaml --color "), ElementsAre("auto", "always", "never"));
  EXPECT_THAT(words("moesim run a.yaml --color=al"), ElementsAre("--color=always"));
  EXPECT_THAT(words("moesim compare a.yaml --metric step"),
              ElementsAre("step_time_s.mean", "step_time_s.p99"));
  EXPECT_THAT(words("moesim place a.json --format s"), ElementsAre("sglang"));
  EXPECT_THAT(words("moesim run a --fidelity fluid,an"), ElementsAre("fluid,analytic"));
  EXPECT_THAT(words("moesim list clus"), ElementsAre("clusters"));
  EXPECT_THAT(words("moesim list place"), ElementsAre("placement"));
  EXPECT_THAT(words("moesim help placement.epl"), ElementsAre("placement.eplb"));
  EXPECT_THAT(words("moesim trace gen --model deepseek-v3"), Contains("deepseek-v3"));
}

TEST(Complete, KnowsTheKeysAndValuesOfAScenario) {
  EXPECT_THAT(words("moesim run a --set network.fid"), ElementsAre("network.fidelity="));
  EXPECT_THAT(words("moesim run a --set network.fidelity=a"),
              ElementsAre("network.fidelity=aggregated", "network.fidelity=analytic"));
  EXPECT_THAT(words("moesim run a --set cluster.topology.over"),
              ElementsAre("cluster.topology.oversubscription="));
  EXPECT_THAT(words("moesim run a --set cluster.topology.kind=fat"),
              ElementsAre("cluster.topology.kind=fat_tree"));
  EXPECT_THAT(words("moesim run a --set model=olmoe"), ElementsAre("model=olmoe-1b-7b"));
  EXPECT_THAT(words("moesim run a --set=placement.kind=ep"),
              ElementsAre("--set=placement.kind=eplb"));
  EXPECT_THAT(words("moesim run a --set 'placement.kind=ep"), ElementsAre("placement.kind=eplb"));
  EXPECT_THAT(words("moesim compare a --vary placement=linear,lp"),
              ElementsAre("placement=linear,lpt"));
  EXPECT_THAT(words("moesim place a --set "), Not(Contains("workload.steps=")));
  EXPECT_THAT(words("moesim place a --set placement.red"), ElementsAre("placement.redundant="));
}

TEST(Complete, LeavesFilesToTheShell) {
  EXPECT_EQ(complete("moesim run ").files, Files::kScenarios);
  EXPECT_EQ(complete("moesim run a.yaml ").files, Files::kNone) << "it takes one";
  EXPECT_EQ(complete("moesim compare a.yaml ").files, Files::kScenarios);
  EXPECT_EQ(complete("moesim run a.yaml -o ").files, Files::kDirectories);
  EXPECT_EQ(complete("moesim place ").files, Files::kAny);
  EXPECT_EQ(complete("moesim run a.yaml --seed ").files, Files::kNone);
}

// The output of a shell that has the program in its PATH, in a folder with one scenario.
std::string shell_says(const std::string& shell, const std::string& script) {
  const TemporaryDirectory folder;
  std::filesystem::create_directory(folder / "bin");
  std::filesystem::create_directory(folder / "below");
  std::filesystem::create_symlink(MOESIM_PROGRAM, folder / "bin" / "moesim");
  std::ofstream(folder / "my.yaml") << "";
  std::ofstream(folder / "my.txt") << "";
  std::ofstream(folder / "script") << script;
  return run_shell("cd " + folder.path().string() + " && HOME=$PWD PATH=$PWD/bin:$PATH " + shell +
                   " script")
      .output;
}

std::string in_bash(const std::string& line) {
  return shell_says("bash --norc",
                    "source <(moesim completion bash)\nCOMP_LINE='" + line +
                        "' COMP_POINT=${#COMP_LINE}\nCOMP_WORDS=($COMP_LINE)\n_moesim\n"
                        "printf '%s ' \"${COMPREPLY[@]}\"\n");
}

TEST(Completion, WorksInBash) {
  EXPECT_EQ(in_bash("moesim lis"), "list ");
  EXPECT_EQ(in_bash("moesim run a.yaml --js"), "--json ");
  // What stands before "=" is not replaced: bash takes it for a word of its own.
  EXPECT_EQ(in_bash("moesim run a.yaml --set cluster.topology.kind=fat"), "fat_tree ");
  EXPECT_EQ(in_bash("moesim run a.yaml --set workload.warm"), "workload.warmup_steps= ");
  EXPECT_EQ(in_bash("moesim run m"), "my.yaml ");
  EXPECT_EQ(in_bash("moesim run my.yaml -o b"), "below/ bin/ ");
  EXPECT_EQ(in_bash("moesim place my.t"), "my.txt ");
}

TEST(Completion, WorksInFish) {
  if (!there_is("fish")) GTEST_SKIP() << "there is no fish here: apt-get install fish";
  const auto in_fish = [](const std::string& line) {
    return shell_says("fish --no-config",
                      "moesim completion fish | source\ncomplete -C '" + line + "'\n");
  };
  EXPECT_THAT(in_fish("moesim lis"), HasSubstr("list\tpresets, and plug-ins"));
  EXPECT_THAT(in_fish("moesim run a.yaml --set placement.kind=epl"),
              HasSubstr("placement.kind=eplb\t"));
  const std::string files = in_fish("moesim run m");
  EXPECT_THAT(files, HasSubstr("my.yaml"));
  EXPECT_THAT(in_fish("moesim run my.yaml -o b"), HasSubstr("below/"));
}

// Types the line and a tab into an interactive zsh, and has the line editor say what it holds then.
TEST(Completion, WorksInZsh) {
  if (!there_is("zsh")) GTEST_SKIP() << "there is no zsh here: apt-get install zsh";
  const auto in_zsh = [](const std::string& line) {
    return shell_says(
        "zsh -f",
        "zmodload zsh/zpty\nzpty shell 'TERM=dumb zsh -f -i'\n"
        "zpty -w shell 'PS1= RPS1=; autoload -Uz compinit && compinit -u -d $HOME/dump; "
        "source <(moesim completion zsh); setopt no_beep; "
        "say() { print -r -- \"[${BUFFER}]\" }; zle -N say; bindkey \"^X\" say; print ready'\n"
        "zpty -r -m shell out '*ready*' && zpty -r -m shell out '*ready*'\n"
        "zpty -n -w shell $'" +
            line + "\\t\\C-x'\nzpty -r -m shell out '*\\[*\\]*'\nprint -r -- $out\n");
  };
  EXPECT_THAT(in_zsh("moesim lis"), HasSubstr("[moesim list ]"));
  EXPECT_THAT(in_zsh("moesim run a.yaml --set workload.warm"),
              HasSubstr("[moesim run a.yaml --set workload.warmup_steps=]"));
  EXPECT_THAT(in_zsh("moesim run a.yaml --set placement.kind=epl"),
              HasSubstr("[moesim run a.yaml --set placement.kind=eplb ]"));
  EXPECT_THAT(in_zsh("moesim run m"), HasSubstr("[moesim run my.yaml ]"));
}

TEST(Completion, RefusesAnotherShell) {
  EXPECT_EQ(run_program({"completion", "tcsh"}).exit_code, 2);
}

}  // namespace
}  // namespace moesim
