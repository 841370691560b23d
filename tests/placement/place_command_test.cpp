// `moesim place` as scripts use it.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "sim/placement/placement_policy.hpp"
#include "tests/support/plugin.hpp"
#include "tests/support/program.hpp"
#include "tests/support/shared_data.hpp"

namespace moesim {
namespace {

using nlohmann::json;

class PlaceCommand : public ::testing::Test {
 protected:
  void write(const std::string& name, const std::string& text) const {
    write_file(folder_ / name, text);
  }
  // `arguments` separated by blanks.
  Session place(const std::string& arguments) const {
    std::vector<std::string> words{"place"};
    std::istringstream stream(arguments);
    for (std::string word; stream >> word;) words.push_back(word);
    return run_program(words, folder_.path());
  }
  const TemporaryDirectory folder_;
};

// Two GPUs of two slots, expert loads 9, 1, 3, 5: 9 + 1 and 5 + 3. Mean 9.
TEST_F(PlaceCommand, PrintsTheContractsDocument) {
  write("load.json", "[[9, 1, 3, 5]]");
  const Session result = place("load.json --gpus 2 --json");
  ASSERT_EQ(result.exit_code, 0) << result.err;
  json document = json::parse(result.out);
  EXPECT_GE(document["seconds"].get<double>(), 0);
  document.erase("seconds");
  // Whoever has the 9 has another slot to fill, with 1 at least.
  EXPECT_NEAR(document["bounds"]["relaxation"][0].get<double>(), 10, 1e-9);
  document["bounds"].erase("relaxation");
  EXPECT_EQ(document, json::parse(R"({"phy2log": [[0, 1, 3, 2]],
      "log2phy": [[[0], [1], [3], [2]]], "logcnt": [[1, 1, 1, 1]], "gpu_load": [[10.0, 8.0]],
      "max_over_mean": [1.1111111111111112], "lower_bound": [9.0],
      "bounds": {"mean_load": [9.0], "largest_share": [9.0]}})"));
}

TEST_F(PlaceCommand, PadsEveryLayerToTheWidestAndLeavesTheRatioOfAnEmptyLayerOpen) {
  write("load.json", R"({"logical_count": [[[4, 1]], [[4, 1]]], "other": 3})");
  json document = json::parse(place("load.json --gpus 1 --set placement.redundant=2 --json").out);
  // 8 and 2 over two steps: expert 0 is split in two (4 each), then in three (8/3 each).
  EXPECT_EQ(document["log2phy"], json::parse("[[[0, 1, 2], [3, -1, -1]]]"));
  write("zero.json", "[[0, 0], [1, 0]]");
  document = json::parse(place("zero.json --gpus 1 --json").out);
  EXPECT_TRUE(document["max_over_mean"][0].is_null());
  EXPECT_EQ(document["max_over_mean"][1], 1.0);
}

TEST_F(PlaceCommand, ReadsEveryFormOfLoads) {
  write("plain.json", "[[3, 1, 2, 5], [1, 1, 1, 9]]");
  write("field.json", R"({"weight": [[3, 1, 2, 5], [1, 1, 1, 9]]})");
  write("history.json", R"({"load_history": [
      {"logical_expert_load": [[1, 1, 2, 5], [1, 1, 1, 0]]},
      {"logical_expert_load": [[2, 0, 0, 0], [0, 0, 0, 9]]}]})");
  write("short.csv",
        "step,layer,expert,count\n0,3,0,1\n1,3,0,2\n0,3,1,1\n0,3,2,2\n0,3,3,5\n"
        "0,4,0,1\n0,4,1,1\n0,4,2,1\n0,4,3,9\n");
  const auto loads = [&](const std::string& file) {
    return json::parse(
        place(file + " --gpus 4 --set placement.kind=linear --json").out)["gpu_load"];
  };
  const json expected = json::parse("[[3.0, 1.0, 2.0, 5.0], [1.0, 1.0, 1.0, 9.0]]");
  for (const char* file : {"plain.json", "field.json", "history.json", "short.csv"})
    EXPECT_EQ(loads(file), expected) << file;
}

// The trace that is shipped has 49,152 tokens of 8 routes in each of 8 layers.
TEST_F(PlaceCommand, ReadsTheRoutesOfATrace) {
  const json document =
      json::parse(place(MOESIM_SOURCE_DIR "/scenarios/traces/small_moe.h5 --gpus 8 --json").out);
  ASSERT_EQ(document["gpu_load"].size(), 8);
  for (const json& layer : document["gpu_load"]) {
    double routes = 0;
    for (const json& load : layer) routes += load.get<double>();
    EXPECT_NEAR(routes, 49152 * 8, 1e-6);
  }
}

// Of the trace, not of a load file: which rank asked for what, step by step, and which experts the
// same tokens asked for.
TEST_F(PlaceCommand, KnowsOfATraceWhatAPlacementNeeds) {
  for (const char* kind :
       {"topology_aware", "deepseek_vec", "trtllm --set placement.cooccurrence=true"}) {
    const Session result = place(std::string(MOESIM_SOURCE_DIR "/scenarios/traces/small_moe.h5") +
                                 " --gpus 8 --nodes 2 --json --set placement.kind=" + kind);
    ASSERT_EQ(result.exit_code, 0) << kind << result.err;
    EXPECT_EQ(json::parse(result.out)["phy2log"].size(), 8u) << kind;
  }
  write("load.json", "[[9, 1, 3, 5]]");
  const Session result = place("load.json --gpus 2 --set placement.kind=topology_aware");
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_NE(result.err.find("which GPU asks for which expert is not known here"),
            std::string::npos);
}

// Both steps of the file: expert 1 or 2 has the largest load of one, expert 0 the largest sum.
TEST_F(PlaceCommand, ReadsTheStepsOfALoadFile) {
  write("steps.json", "[[[8, 12, 0, 1]], [[8, 0, 12, 1]]]");
  write("steps.csv",
        "step,layer,expert,count\n0,3,0,8\n0,3,1,12\n0,3,3,1\n7,3,0,8\n7,3,2,12\n7,3,3,1\n");
  for (const char* file : {"steps.json", "steps.csv"})
    EXPECT_EQ(json::parse(place(std::string(file) + " --gpus 5 --json --set placement.redundant=1"
                                                    " --set placement.kind=deepseek_vec")
                              .out)["logcnt"],
              json::parse("[[1, 1, 2, 1]]"))
        << file;
}

TEST_F(PlaceCommand, StartsFromTheMapInUse) {
  write("load.json", "[[8, 6, 4, 4, 2, 0]]");
  write("map.json", R"({"phy2log": [[5, 1, 3, 2, 4, 0]]})");
  // 6, 8 and 10 in use: swapping experts 4 and 5 (2 and 0) leaves 8 everywhere.
  EXPECT_EQ(json::parse(place("load.json --gpus 3 --present map.json --json "
                              "--set placement.kind=swift_balancer")
                            .out)["phy2log"],
            json::parse("[[4, 1, 3, 2, 5, 0]]"));
}

TEST_F(PlaceCommand, WritesMapsThatTheFilePlacementReadsBack) {
  write("load.json", "[[3, 1, 2, 5], [1, 1, 1, 9]]");
  const std::string flags = "load.json --gpus 2 --set placement.redundant=2";
  const json map = json::parse(place(flags + " --json").out)["phy2log"];
  for (const char* format : {"", "sglang", "trtllm", "vllm", "vllm-ascend"}) {
    SCOPED_TRACE(format);
    const std::string option = *format == '\0' ? "" : std::string(" --format ") + format;
    ASSERT_EQ(place(flags + option + " -o map").exit_code, 0);
    const Placement placement =
        plugin<PlacementPolicy>("{kind: file, path: " + (folder_ / "map").string() + "}")
            ->place({.load = ExpertLoad(2, 4), .gpus = 2});
    for (const LayerId layer : placement.layers.ids())
      for (const SlotId slot : placement.layers[layer].expert_of.ids())
        EXPECT_EQ(placement.layers[layer].expert_of[slot].value,
                  map[layer.index()][slot.index()].get<int>());
    EXPECT_EQ(file_text(folder_ / "map").find("seconds"), std::string::npos);
  }
}

TEST_F(PlaceCommand, WritesTheYamlOfTensorRt) {
  write("load.json", "[[9, 1, 3, 5]]");
  EXPECT_EQ(place("load.json --gpus 2 --format trtllm --first-layer 3").out,
            "num_slots: 4\nep_size: 2\ninitial_global_assignments:\n  3: [0, 1, 3, 2]\n"
            "layer_updates_per_iter: 0\n");
}

TEST_F(PlaceCommand, ShowsATableWithoutFlags) {
  write("load.json", "[[9, 1, 3, 5]]");
  const Session result = place("load.json --gpus 2");
  // Linear: 10 and 8, too, and no map is below 10: beside the 9 there is another expert. Hottest:
  // GPU 0, expert 0 in one copy.
  EXPECT_NE(result.out.find("    0      1.11      1.11  ████████████████████      1.11    GPU 0   "
                            "        0       1\n"),
            std::string::npos)
      << result.out;
}

TEST_F(PlaceCommand, NamesTheMistakesOfALoadFile) {
  write("ragged.json", "{\"weight\": [[1, 2], [3]]}");
  write("broken.json", "[[1, 2],\n [3, }");
  write("bad.csv", "layer,expert,count\n0,0,5\n0,x,5\n");
  const auto message = [&](const std::string& file) {
    const Session result = place(file + " --gpus 2");
    EXPECT_EQ(result.exit_code, 2);
    return result.err;
  };
  EXPECT_NE(message("ragged.json").find("weight[1] must have 2 experts"), std::string::npos);
  EXPECT_NE(message("broken.json").find("broken.json:2:6: error: this is not JSON here"),
            std::string::npos)
      << message("broken.json");
  EXPECT_NE(message("bad.csv").find("bad.csv:3:1: error: 'x' is not an id"), std::string::npos);
}

TEST_F(PlaceCommand, RefusesSizesThatDoNotFit) {
  write("load.json", "[[9, 1, 3, 5]]");
  const Session result = place("load.json --gpus 3");
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_NE(result.err.find("4 experts + 0 redundant do not divide over 3 GPUs"), std::string::npos)
      << result.err;
  EXPECT_EQ(place("load.json --gpus 4 --nodes 3").exit_code, 2);
  EXPECT_EQ(place("load.json --gpus 4 --set trace.kind=zipf").exit_code, 2);
  EXPECT_EQ(place("load.json").exit_code, 2);
}

TEST_F(PlaceCommand, GivesTheGoldenMapsOfEplb) {
  MOESIM_NEEDS_SHARED(path, "eplb_golden.json");
  const auto golden = json::parse(std::ifstream(path));
  for (const auto& test_case : golden["cases"]) {
    SCOPED_TRACE(test_case["name"].get<std::string>());
    write("case.json", test_case.dump());
    const int redundant =
        test_case["num_replicas"].get<int>() - static_cast<int>(test_case["weight"][0].size());
    const Session result =
        place("case.json --json --set placement.kind=eplb --set placement.redundant=" +
              std::to_string(redundant) + " --gpus " + test_case["num_gpus"].dump() + " --nodes " +
              test_case["num_nodes"].dump() + " --groups " + test_case["num_groups"].dump());
    ASSERT_EQ(result.exit_code, 0) << result.err;
    const json document = json::parse(result.out);
    for (const char* key : {"phy2log", "log2phy", "logcnt"})
      EXPECT_EQ(document[key], test_case["expected"][key]) << key;
    for (std::size_t layer = 0; layer < test_case["weight"].size(); ++layer) {
      const json& ratio = test_case["expected"]["max_over_mean"][layer];
      ASSERT_EQ(document["max_over_mean"][layer].is_null(), ratio.is_null());
      if (ratio.is_null()) continue;
      EXPECT_NEAR(document["max_over_mean"][layer].get<double>(), ratio.get<double>(), 2e-6);
    }
  }
}

}  // namespace
}  // namespace moesim
