// What a scenario that serves says, and what it leaves to defaults.
#include <gmock/gmock.h>

#include "sim/read_scenario.hpp"
#include "sim/requests/requests.hpp"
#include "tests/support/mistakes.hpp"

namespace moesim {
namespace {

using ::testing::HasSubstr;

// One request, for the reader's sake.
class OneRequest final : public RequestSource {
 public:
  explicit OneRequest(const Arguments&) {}
  RequestList requests(Random) const override {
    return {.requests = {Request{.input = 10, .output = 1}}};
  }
  std::vector<RequestClass> classes() const override { return {{.name = "only"}}; }
};
const Register<RequestSource, OneRequest> kOneRequest{
    {.name = "one_of_a_test", .summary = "one request"}};

Scenario scenario_with(const std::string& sections,
                       const std::string& workload = "{phase: decode}") {
  return read_scenario(parse_yaml(text_source("test.yaml",
                                              "model: olmoe-1b-7b\n"
                                              "cluster: {preset: h200-sxm-ib400, nodes: 1}\n"
                                              "trace: balanced\nworkload: " +
                                                  workload + "\n" + sections)),
                       "test");
}

TEST(ReadServing, FillsInWhatIsNotWritten) {
  const Scenario scenario = scenario_with("requests: one_of_a_test\n");
  EXPECT_TRUE(scenario.serves());
  EXPECT_EQ(scenario.batching.kind, "chunked_prefill");
  EXPECT_EQ(scenario.queue.kind, "fcfs");
  EXPECT_EQ(scenario.router.kind, "round_robin");
  EXPECT_EQ(scenario.serving.page, 64);
  EXPECT_EQ(scenario.serving.preemption, KvPolicy::kRecompute);
  EXPECT_EQ(scenario.serving.targets.all.ttft, Seconds());
  // What batching allows.
  EXPECT_EQ(scenario.workload.tokens_per_gpu, 8192);
  EXPECT_EQ(scenario.resolved.find("workload")->find("tokens_per_gpu")->text, "8192");
}

TEST(ReadServing, ReadsItsOwnResultAgain) {
  const Scenario scenario = scenario_with(
      "requests: one_of_a_test\nbatching: {kind: continuous, tokens: 512}\n"
      "serving: {page: 32, preemption: reserve, max_new_tokens: 100, ttft: 1 s, warmup: 5 s}\n");
  const Scenario again =
      read_scenario(parse_yaml(text_source("again.yaml", write_yaml(scenario.resolved))), "again");
  EXPECT_EQ(write_yaml(again.resolved), write_yaml(scenario.resolved));
  EXPECT_EQ(again.serving.max_new_tokens, 100);
  EXPECT_EQ(again.serving.targets.warmup, Seconds(5));
  EXPECT_EQ(again.workload.tokens_per_gpu, 512);
}

TEST(ReadServing, LeavesOtherScenariosAlone) {
  const Scenario scenario = scenario_with("", "{phase: decode, tokens_per_gpu: 64}");
  EXPECT_FALSE(scenario.serves());
  EXPECT_EQ(scenario.resolved.find("serving"), nullptr);
  EXPECT_EQ(scenario.resolved.find("batching"), nullptr);
}

TEST(ReadServing, SaysWhatDoesNotGoTogether) {
  EXPECT_THAT(mistake_of([] { scenario_with("requests: one_of_a_test\nserving: {page: 48}\n"); }),
              HasSubstr("is not whole pages of 48"));
  EXPECT_THAT(
      mistake_of([] { scenario_with("requests: one_of_a_test\nserving: {max_new_tokens: 48}\n"); }),
      HasSubstr("nothing is reserved for answers"));
}

}  // namespace
}  // namespace moesim
