#include "analysis/plan/read_question.hpp"

#include <gmock/gmock.h>

#include "analysis/plan/token_rate.hpp"
#include "tests/support/mistakes.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moesim {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kQuestion = R"(model: deepseek-v3
workload: {output: 1 M tokens/min, prompt: 2000, answer: 500}
targets: {tpot: 50 ms}
clusters:
  - {name: H200, cluster: h200-sxm-ib400, gpu_hour: 3}
scenario: {trace: {kind: lognormal, sigma: 0.8}}
)";

PlanQuestion read(const std::string& text) {
  return read_question(parse_yaml(text_source("q.yaml", text)), "q");
}

std::string replaced(const std::string& what, const std::string& with) {
  std::string text = kQuestion;
  return text.replace(text.find(what), what.size(), with);
}

std::string mistake(const std::string& what, const std::string& with) {
  return mistake_of([&] { check_scenarios(read(replaced(what, with))); });
}

TEST(TokenRate, ReadsWhatPeopleSay) {
  const auto rate = [](const std::string& text) { return parse_count_rate(text, "tokens", {}); };
  EXPECT_DOUBLE_EQ(rate("1 M tokens/min"), 1e6 / 60);
  EXPECT_DOUBLE_EQ(rate("500 tokens/s"), 500);
  EXPECT_DOUBLE_EQ(rate("2e9 tokens/day"), 2e9 / 86400);
  EXPECT_DOUBLE_EQ(rate("3.6k tokens/h"), 1);
  for (const char* text : {"1 M", "tokens/s", "1 M requests/s", "5 tokens", "1 X tokens/s"})
    EXPECT_THAT(mistake_of([&] { rate(text); }), HasSubstr("is no rate of tokens")) << text;
  EXPECT_THAT(mistake_of([&] { rate("-5 tokens/s"); }), HasSubstr("must be above 0"));
}

TEST(Question, IsReadWithItsDefaults) {
  const PlanQuestion question = read(kQuestion);
  EXPECT_EQ(question.name, "q");
  EXPECT_DOUBLE_EQ(question.workload.output, 1e6 / 60);
  EXPECT_DOUBLE_EQ(question.workload.requests, 1e6 / 60 / 500);
  EXPECT_DOUBLE_EQ(question.workload.input, 1e6 / 60 * 4);
  EXPECT_THAT(question.decode.nodes, ElementsAre(1, 2, 4, 8));
  EXPECT_TRUE(question.prefill.planned);
  EXPECT_EQ(question.decode.policies.size(), 1u);
  // What is resolved reads back to the same.
  const std::string resolved = write_yaml(question.resolved);
  EXPECT_EQ(write_yaml(read(resolved).resolved), resolved);
}

TEST(Question, SaysWhereItIsWrong) {
  EXPECT_THAT(mistake("1 M tokens/min", "1 M tokens"),
              HasSubstr("q.yaml:2:20: error: '1 M tokens'"));
  EXPECT_THAT(mistake("output: 1 M tokens/min, ", ""),
              HasSubstr("the workload is either 'output' or 'requests'"));
  EXPECT_THAT(mistake("{tpot: 50 ms}", "{ttft: 2 s}"),
              HasSubstr("q.yaml:3:10: error: the targets need 'tpot' or 'step'"));
  EXPECT_THAT(mistake("targets: {tpot: 50 ms}\n", ""), HasSubstr("needs 'targets'"));
  EXPECT_THAT(
      mistake("gpu_hour: 3", "gpu_hor: 3"),
      AllOf(HasSubstr("a cluster has no key 'gpu_hor'"), HasSubstr("did you mean 'gpu_hour'?"),
            HasSubstr("a cluster needs 'gpu_hour'")));
  EXPECT_THAT(mistake("h200-sxm-ib400", "h200-sxm-ib40"),
              AllOf(HasSubstr("q.yaml:5:27: error: "), HasSubstr("h200-sxm-ib400")));
  EXPECT_THAT(mistake("sigma: 0.8", "sgma: 0.8"), HasSubstr("q.yaml:6:37: error: "));
}

TEST(Question, RefusesWhatThePlanLooksFor) {
  const auto with = [&](const std::string& section) {
    return mistake("scenario: {", "scenario: {" + section + ", ");
  };
  EXPECT_THAT(with("workload: {tokens_per_gpu: 8}"),
              HasSubstr("'workload.tokens_per_gpu' is what the plan looks for"));
  EXPECT_THAT(with("parallel: {ep: 8}"), HasSubstr("'parallel.ep' is all GPUs of an instance"));
  EXPECT_THAT(with("cluster: h100-sxm"), HasSubstr("'cluster' is not a policy"));
  EXPECT_THAT(mistake("scenario: {", "decode: none\nscenario: {"),
              HasSubstr("only prefill can be none"));
  EXPECT_THAT(mistake("scenario: {", "decode: {nodes: [1.5]}\nscenario: {"),
              HasSubstr("whole numbers of nodes"));
  EXPECT_THAT(mistake("scenario: {", "decode: {policies: [{placement: lpt}]}\nscenario: {"),
              HasSubstr("a policy of decode needs a 'name'"));
  EXPECT_THAT(
      mistake("scenario: {", "decode: {policies: [{name: x, placement: lptt}]}\nscenario: {"),
      HasSubstr("q.yaml:6:42: error: "));
  EXPECT_THAT(mistake("scenario: {", "search: 5\nscenario: {"),
              HasSubstr("section 'search' must be a section"));
}

TEST(ScenariosReadme, NamesEveryKeyOfAQuestion) {
  const std::string text =
      file_text(std::filesystem::path(MOESIM_SOURCE_DIR) / "scenarios/README.md");
  const std::size_t begin = text.find("## Planning capacity");
  const std::string section = text.substr(begin, text.find("\n## ", begin) - begin);
  for (const auto& [name, parameters] : question_sections())
    for (const Parameter& parameter : parameters)
      EXPECT_THAT(section, HasSubstr(parameter.name)) << "a key of " << name;
}

}  // namespace
}  // namespace moesim
