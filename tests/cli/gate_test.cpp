#include <gmock/gmock.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/support/program.hpp"
#include "tests/support/shared_data.hpp"

namespace moesim {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

// Integers exactly; weights and losses to 1e-5 absolute or 1e-4 relative.
void expect_same(const json& expected, const json& computed, const std::string& path) {
  if (expected.is_array()) {
    ASSERT_EQ(expected.size(), computed.size()) << path;
    for (std::size_t i = 0; i < expected.size(); ++i)
      expect_same(expected[i], computed[i], path + "[" + std::to_string(i) + "]");
  } else if (expected.is_object()) {
    for (const auto& [name, value] : expected.items()) {
      ASSERT_TRUE(computed.contains(name)) << path << "." << name;
      expect_same(value, computed[name], path + "." + name);
    }
  } else if (expected.is_number_float()) {
    const double value = expected.get<double>();
    EXPECT_NEAR(computed.get<double>(), value, std::max(1e-5, 1e-4 * std::fabs(value))) << path;
  } else {
    EXPECT_EQ(expected, computed) << path;
  }
}

TEST(GateCommand, ComputesEveryGoldenCase) {
  MOESIM_NEEDS_SHARED(path, "gating_golden.json");
  const Session session = run_program({"gate", path.string(), "--json"});
  ASSERT_EQ(session.exit_code, 0) << session.err;
  EXPECT_EQ(session.err, "");
  const json golden = json::parse(std::ifstream(path))["cases"];
  const json cases = json::parse(session.out)["cases"];
  ASSERT_EQ(cases.size(), golden.size());
  EXPECT_EQ(golden.size(), 72u);
  for (std::size_t i = 0; i < golden.size(); ++i) {
    EXPECT_EQ(cases[i]["name"], golden[i]["name"]);
    expect_same(golden[i]["expected"], cases[i]["computed"], golden[i]["name"]);
  }
}

std::string gate_error(const std::string& cases) {
  const TemporaryDirectory folder;
  std::ofstream(folder / "cases.json") << cases;
  const Session session = run_program({"gate", folder / "cases.json", "--json"});
  EXPECT_EQ(session.exit_code, 2);
  EXPECT_EQ(session.out, "");
  return session.err;
}

TEST(GateCommand, ReadsNoExpectation) {
  const TemporaryDirectory folder;
  std::ofstream(folder / "cases.json") << R"({"cases": [{"name": "two",
      "params": {"policy": "topk_softmax", "topk": 1}, "inputs": {"logits": [[0, 1], [1, 0]]},
      "expected": {"topk_ids": "nonsense"}}]})";
  const Session session = run_program({"gate", folder / "cases.json", "--json"});
  EXPECT_EQ(session.exit_code, 0) << session.err;
  EXPECT_EQ(json::parse(session.out)["cases"][0]["computed"]["topk_ids"],
            json::parse("[[1], [0]]"));
  EXPECT_THAT(run_program({"gate", folder / "cases.json"}).out, HasSubstr("topk_ids"));
}

TEST(GateCommand, SaysWhatIsWrongWithACase) {
  EXPECT_THAT(gate_error("[1"), HasSubstr("is not JSON"));
  EXPECT_THAT(gate_error(R"([{"params": {"policy": "topk_sofmax"}}])"),
              HasSubstr("cases[0]: unknown params.policy 'topk_sofmax'"));
  EXPECT_THAT(gate_error(R"([{"params": {"policy": "topk_softmax"}}])"),
              HasSubstr("cases[0]: inputs.logits is missing"));
  EXPECT_THAT(gate_error(R"([{"params": {"policy": "topk_softmax", "topk": 3},
                              "inputs": {"logits": [[1, 2]]}}])"),
              HasSubstr("params.topk is 3, but there are 2 experts"));
  EXPECT_THAT(gate_error(R"([{"params": {"policy": "topk_softmax", "topk": 1},
                              "inputs": {"logits": [[1, 2], [3]]}}])"),
              HasSubstr("inputs.logits must be rows of numbers, all as long"));
  EXPECT_THAT(gate_error(R"([{"params": {"policy": "multinomial", "topk": 1},
                              "inputs": {"logits": [[1, 2]], "uniforms": [0.5, 0.5]}}])"),
              HasSubstr("inputs.uniforms must have 1 numbers, not 2"));
}

}  // namespace
}  // namespace moesim
