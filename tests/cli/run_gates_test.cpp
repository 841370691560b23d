// Runs with gates on router logits, recorded and generated.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "sim/base/registry.hpp"
#include "tests/support/program.hpp"

namespace moesim {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kScenario =
    "name: gated\n"
    "model: {preset: olmoe-1b-7b, layers: 2}\n"
    "cluster: {preset: h200-sxm-ib400, nodes: 1}\n"
    "workload: {phase: prefill, tokens_per_gpu: 64, context: 256, steps: 1}\n"
    "trace: {kind: file, path: small_moe.h5}\n";

class RunGates : public ::testing::Test {
 protected:
  RunGates() { write_file(folder_ / "gated.yaml", kScenario); }

  json summary(const std::vector<std::string>& sets) const {
    std::vector<std::string> arguments = {"run", "gated.yaml", "--json"};
    for (const std::string& set : sets) {
      arguments.push_back("--set");
      arguments.push_back(set);
    }
    const Session session = run_program(arguments, folder_.path());
    EXPECT_EQ(session.exit_code, 0) << session.err;
    return session.exit_code == 0 ? json::parse(session.out) : json();
  }

  TemporaryDirectory folder_;
};

// What a gate cannot do without.
std::string section_of_gate(const std::string& kind) {
  if (kind == "zero_experts") return "gate={kind: zero_experts, count: 8}";
  if (kind == "capability") return "gate={kind: capability, speeds: [1, 1, 1, 1, 1, 1, 1, 0.5]}";
  return "gate={kind: " + kind + "}";
}

TEST_F(RunGates, EveryGateRunsOnRecordedLogits) {
  const std::vector<std::string> kinds = Catalog::instance().names("gate");
  EXPECT_GE(kinds.size(), 23u);
  for (const std::string& kind : kinds) {
    SCOPED_TRACE(kind);
    const json document = summary({section_of_gate(kind)});
    ASSERT_TRUE(document.is_object());
    EXPECT_EQ(document["gate"]["kind"], kind);
    const double changed = document["gate"]["routes_changed"];
    EXPECT_GE(changed, 0);
    EXPECT_LE(changed, 1);
    EXPECT_GT(document["metrics"]["tokens_per_s"], 0);
    const std::string warnings = document["warnings"].dump();
    if (changed > 0) {
      EXPECT_THAT(warnings, HasSubstr("it is another model"));
    } else {
      EXPECT_THAT(warnings, Not(HasSubstr("it is another model")));
    }
  }
}

// The logits are of 16 bits, so that ties may fall the other way.
TEST_F(RunGates, TopkOfTheRecordedLogitsIsNearlyTheRecordedRouting) {
  const json gate = summary({"gate.kind=softmax_then_topk"})["gate"];
  EXPECT_LT(gate["routes_changed"], 0.01);
  EXPECT_EQ(gate["routes_per_token"], 8);
  EXPECT_GT(gate["losses"]["switch"], 1);  // uneven: 1 is even
}

// The step is all tokens that have logits, so that only the bias changes from step to step.
TEST_F(RunGates, ABiasThatMovesEvensOutTheLoadOverTheSteps) {
  const auto imbalance = [&](const std::string& gate) {
    return summary({gate, "workload.steps=15",
                    "workload.tokens_per_gpu=512"})["metrics"]["imbalance"]["expert_max_over_mean"]
        .get<double>();
  };
  EXPECT_LT(imbalance("gate={kind: deepseek_v3, bias_update: 0.0003}"),
            0.9 * imbalance("gate={kind: deepseek_v3}"));
}

TEST_F(RunGates, GivesTheSameBytesAgain) {
  for (const char* gate : {"gate.kind=noisy_topk", "gate={kind: deepseek_v3, bias_update: 0.01}"})
    EXPECT_EQ(summary({gate}).dump(), summary({gate}).dump());
}

TEST_F(RunGates, GatesRunOnGeneratedLogits) {
  const json document =
      summary({"trace={kind: logits, request_tokens: 32}", "gate.kind=deepseek_v3",
               "capacity={kind: factor, factor: 1, overflow: next_best}", "placement.kind=lpt"});
  EXPECT_GT(document["gate"]["rerouted"], 0);
  // The sigmoid is monotone and there are no groups: as the trace's own top-k.
  EXPECT_EQ(document["gate"]["routes_changed"], 0);
  const std::string warnings = document["warnings"].dump();
  EXPECT_THAT(warnings, HasSubstr("full experts send"));
  EXPECT_THAT(warnings, HasSubstr("its profiling window has the trace's routes"));
}

TEST_F(RunGates, PaddedRowsCostTime) {
  const json plain = summary({}), padded = summary({"capacity={kind: none, row_multiple: 128}"});
  EXPECT_EQ(plain["metrics"]["padding_waste"], 0);
  // 512 tokens · 8 routes over 64 experts: 64 rows of 128 on average are real, or fewer.
  EXPECT_GT(padded["metrics"]["padding_waste"], 0.3);
  EXPECT_GT(padded["metrics"]["breakdown_s"]["experts"],
            plain["metrics"]["breakdown_s"]["experts"]);
}

}  // namespace
}  // namespace moesim
