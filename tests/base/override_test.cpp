#include "sim/base/override.hpp"

#include <gmock/gmock.h>

#include "sim/base/yaml_flow.hpp"
#include "tests/support/mistakes.hpp"

namespace moesim {
namespace {

using ::testing::HasSubstr;

std::string after(const std::string& text, const std::string& assignment) {
  YamlNode root = parse_yaml(text_source("a.yaml", text));
  apply_override(root, assignment);
  return write_yaml(root);
}

std::string mistake_in_override(const std::string& assignment) {
  return mistake_of([&] { after("a: 1\ncalibration: [x, y]\n", assignment); });
}

TEST(Override, ReplacesAValueInItsPlace) {
  EXPECT_EQ(after("seed: 1\nname: x\n", "seed=2"), "seed: 2\nname: x\n");
  EXPECT_EQ(after("network: {tolerance: 0.003}\n", "network.tolerance=0.01"),
            "network:\n  tolerance: 0.01\n");
  EXPECT_EQ(after("a: {b: 1}\n", "a=[1, 2]"), "a: [1, 2]\n");
}

TEST(Override, CreatesWhatIsMissingOnTheWay) {
  EXPECT_EQ(after("a: 1\n", "x.y.z=3"), "a: 1\nx:\n  y:\n    z: 3\n");
  EXPECT_EQ(after("x:\n", "x.y=3"), "x:\n  y: 3\n");
}

TEST(Override, AScalarOnTheWayBecomesTheKindOrThePreset) {
  EXPECT_EQ(after("placement: eplb\n", "placement.redundant=32"),
            "placement:\n  kind: eplb\n  redundant: 32\n");
  EXPECT_EQ(after("cluster: h200\n", "cluster.nodes=4"), "cluster:\n  preset: h200\n  nodes: 4\n");
  EXPECT_EQ(after("model: tiny\n", "model.layers=2"), "model:\n  preset: tiny\n  layers: 2\n");
}

TEST(Override, ReadsItsValueAsYaml) {
  EXPECT_EQ(after("{}", "a={b: 1, c: [2]}"), "a:\n  b: 1\n  c: [2]\n");
  EXPECT_EQ(after("{}", "a={}"), "a: {}\n");
  EXPECT_EQ(after("{}", "a="), "a: ~\n");
  EXPECT_EQ(after("{}", "a=\"5\""), "a: \"5\"\n");
  EXPECT_EQ(after("{}", "a=400 Gb/s"), "a: 400 Gb/s\n");
  EXPECT_EQ(after("{}", "a=b=c"), "a: b=c\n");
}

TEST(Override, PlacesKeysAndValuesInTheFlag) {
  YamlNode root = YamlNode::map();
  apply_override(root, "network.tolerance=0.01");
  const NodeEntry& network = root.entries.front();
  const NodeEntry& tolerance = network.value.entries.front();
  EXPECT_EQ(network.spot.column, 1);
  EXPECT_EQ(tolerance.spot.column, 9);
  EXPECT_EQ(tolerance.value.spot.column, 19);
  EXPECT_TRUE(tolerance.spot.source->is_flag);
}

TEST(Override, RefusesWhatIsNotAnAssignment) {
  EXPECT_EQ(mistake_in_override("seed"),
            "--set:1:1: error: --set needs KEY=VALUE\n  seed\n  ^\n"
            "  hint: for example --set network.tolerance=0.01");
  EXPECT_THAT(mistake_in_override("=3"), HasSubstr("--set needs KEY=VALUE"));
  EXPECT_THAT(mistake_in_override("a..b=3"), HasSubstr("--set:1:3: error: there is an empty key"));
  EXPECT_THAT(mistake_in_override(".a=3"), HasSubstr("--set:1:1: error: there is an empty key"));
  EXPECT_THAT(mistake_in_override("a.=3"), HasSubstr("--set:1:3: error: there is an empty key"));
  EXPECT_THAT(mistake_in_override("a=[1, 2"),
              HasSubstr("--set:1:3: error: this bracket is not closed"));
  EXPECT_THAT(mistake_of([] { after("- 1\n- 2\n", "a=1"); }),
              HasSubstr("a.yaml:1:1: error: there is no section here"));
  EXPECT_EQ(mistake_in_override("calibration.0=z"),
            "--set:1:1: error: 'calibration' is a list\n  calibration.0=z\n  ^\n"
            "  hint: set it as a whole: --set 'calibration=[…]'");
}

TEST(Overrides, AreAppliedInTheirOrderAndThoseThatAreNoneReportedTogether) {
  YamlNode root = parse_yaml(text_source("a.yaml", "a: 1\n"));
  Mistakes mistakes;
  apply_overrides(root, {"b=2", "c", "b=3", "..=4"}, mistakes);
  EXPECT_EQ(write_flow(root), "{a: 1, b: 3}");
  const std::string text = mistake_of([&] { mistakes.throw_if_any(); });
  EXPECT_THAT(text, HasSubstr("--set needs KEY=VALUE"));
  EXPECT_THAT(text, HasSubstr("there is an empty key"));
}

TEST(Override, PlacesAKeyThatWasReadWhereItIsWritten) {
  YamlNode root = parse_yaml(text_source("a.yaml", "placement: {kind: eplb}\n"));
  const YamlNode sweep = parse_yaml(text_source("b.yaml", "matrix:\n  placement.redundant: 8\n"));
  const NodeEntry& entry = sweep.find("matrix")->entries.front();
  apply_override(root, entry.key, entry.spot, entry.value);
  EXPECT_EQ(write_flow(root), "{placement: {kind: eplb, redundant: 8}}");
  const NodeEntry& redundant = root.entries.front().value.entries.back();
  EXPECT_EQ(redundant.spot.source->name, "b.yaml");
  EXPECT_EQ(redundant.spot.line, 2);
  EXPECT_EQ(redundant.spot.column, 13);
}

}  // namespace
}  // namespace moesim
