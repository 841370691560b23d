#include "sim/topology/cluster_reader.hpp"

#include <gmock/gmock.h>

#include <fstream>
#include <sstream>

#include "sim/base/presets.hpp"
#include "tests/support/sections.hpp"
#include "tests/support/shared_data.hpp"

namespace moesim {
namespace {

ClusterSection read(const std::string& text) {
  Mistakes mistakes;
  ClusterSection section = read_cluster_section(section_of(text), mistakes);
  mistakes.throw_if_any();
  return section;
}

TEST(ClusterReader, BuildsEveryPresetOnTwoNodes) {
  const auto names = preset_names("clusters");
  EXPECT_GE(names.size(), 17u);
  for (const std::string& name : names) {
    const Cluster cluster = build_cluster(read("cluster: {preset: " + name + ", nodes: 2}"));
    EXPECT_EQ(cluster.nodes(), 2) << name;
    EXPECT_GT(cluster.route(GpuId(0), GpuId(cluster.gpus() - 1), RouteRule::kDirect).count, 0);
  }
}

TEST(ClusterReader, TakesOverridesThatReachIntoThePreset) {
  const ClusterSection section = read(
      "cluster: {preset: h200-sxm-ib400, nodes: 4, gpu: {memory: 96 GB}, topology: "
      "{oversubscription: 2}}");
  EXPECT_EQ(section.spec.nodes, 4);
  EXPECT_EQ(section.spec.gpu.memory, Bytes(96e9));
  EXPECT_EQ(section.spec.gpu.sms, 132);
  EXPECT_EQ(section.topology.kind, "rail_optimized");
  EXPECT_EQ(section.topology.arguments.number("oversubscription"), 2);
  EXPECT_EQ(section.topology.arguments.integer("nodes_per_pod"), 32);
}

TEST(ClusterReader, ReplacesATopologyOfAnotherKind) {
  const ClusterSection section =
      read("cluster: {preset: h200-sxm-ib400, topology: {kind: fat_tree}}");
  EXPECT_EQ(section.topology.kind, "fat_tree");
  EXPECT_EQ(section.topology.arguments.integer("nodes_per_leaf"), 4);
}

TEST(ClusterReader, TakesASetFlagForTheTopology) {
  YamlNode root = parse_yaml(text_source("test.yaml", "cluster: h200-sxm-ib400"));
  apply_override(root, "cluster.topology.oversubscription=4");
  apply_override(root, "cluster.nodes=2");
  Mistakes mistakes;
  const ClusterSection section = read_cluster_section(*root.find("cluster"), mistakes);
  mistakes.throw_if_any();
  EXPECT_EQ(section.topology.arguments.number("oversubscription"), 4);
  EXPECT_EQ(section.spec.nodes, 2);
}

TEST(ClusterReader, WritesASectionThatReadsBackToTheSame) {
  for (const std::string& name : preset_names("clusters")) {
    const ClusterSection first = read("cluster: " + name);
    YamlNode root = YamlNode::map();
    root.set("cluster", first.resolved);
    const ClusterSection again = read(write_yaml(root));
    EXPECT_EQ(write_yaml(again.resolved), write_yaml(first.resolved)) << name;
    EXPECT_EQ(again.spec.gpu.peak, first.spec.gpu.peak) << name;
    EXPECT_TRUE(again.inputs.empty());
    EXPECT_FALSE(first.inputs.empty());
  }
}

TEST(ClusterReader, TakesTheRateOfHostCopiesFromPcieUnlessItIsSaid) {
  const HostSpec derived = read("cluster: h100-sxm").spec.host;
  EXPECT_DOUBLE_EQ(derived.bandwidth.value, 0.85 * 64e9);
  EXPECT_FALSE(derived.memory);
  const ClusterSection said = read(
      "cluster: {preset: h100-sxm, host: {bandwidth: 20 GB/s, memory: "
      "1000 GB, disk_latency: 50 us}}");
  EXPECT_EQ(said.spec.host.bandwidth, BytesPerSecond(20e9));
  EXPECT_EQ(*said.spec.host.memory, Bytes(1e12));
  EXPECT_DOUBLE_EQ(said.spec.host.disk_latency.value, 50e-6);
  EXPECT_EQ(said.resolved.find("host")->find("disk_latency")->text, "50 us");
  EXPECT_EQ(read("cluster: h100-sxm").resolved.find("host"), nullptr);
}

TEST(ClusterReader, CollectsMistakesOfAllLevels) {
  EXPECT_EQ(error_of([] {
              read(
                  "cluster:\n"
                  "  preset: h200-sxm\n"
                  "  node: 4\n"
                  "  gpu: {memory: 96}\n"
                  "  topology: rail_optimised\n");
            }),
            "test.yaml:3:3: error: cluster has no key 'node'\n"
            "    node: 4\n"
            "    ^\n"
            "  hint: did you mean 'nodes'?\n"
            "test.yaml:4:17: error: '96' has no unit\n"
            "    gpu: {memory: 96}\n"
            "                  ^\n"
            "  hint: write for example 141 GB\n"
            "test.yaml:5:13: error: no topology is called 'rail_optimised'\n"
            "    topology: rail_optimised\n"
            "              ^\n"
            "  hint: did you mean 'rail_optimized'?");
}

TEST(ClusterReader, NeedsANicRateOnlyWhereThereAreNics) {
  const std::string gpu =
      "gpu: {name: G, memory: 80 GB, memory_bandwidth: 3 TB/s, sms: 100, pcie: 64 GB/s, peak: "
      "{bf16: 1 PFLOP/s}}, nvlink_bandwidth: 450 GB/s";
  EXPECT_EQ(read("cluster: {" + gpu + ", nics_per_node: 0}").spec.nics_per_node, 0);
  EXPECT_THAT(error_of([&] { read("cluster: {" + gpu + "}"); }),
              ::testing::HasSubstr("error: nic_bandwidth must be above 0"));
}

TEST(GpuSpec, RunsADtypeWithoutUnitsAtTheNextWiderOnes) {
  const GpuSpec a100 = read("cluster: a100-sxm").spec.gpu;
  EXPECT_EQ(a100.peak_of(DType::kFp8Block), FlopsPerSecond(312e12));
  EXPECT_EQ(a100.peak_of(DType::kMxfp4), FlopsPerSecond(312e12));
  const GpuSpec h100 = read("cluster: h100-sxm").spec.gpu;
  EXPECT_EQ(h100.peak_of(DType::kFp8Block), FlopsPerSecond(1979e12));
  EXPECT_EQ(h100.peak_of(DType::kInt8), FlopsPerSecond(989e12));
}

// The table at the end of GROUND_TRUTH.md:
// | H200 SXM | 4800 | 989 / 1979 | 132 | 450 | 50 |
TEST(ClusterPresets, AgreeWithTheDatasheetTable) {
  MOESIM_NEEDS_SHARED(file, "GROUND_TRUTH.md");
  std::ifstream text(file);
  int rows = 0;
  for (std::string line; std::getline(text, line);) {
    if (line.find(" SXM | ") == std::string::npos) continue;
    std::string name = line.substr(2, 4);
    for (char& c : name) c = static_cast<char>(std::tolower(c));
    const ClusterSpec spec = read("cluster: " + name + "-sxm").spec;
    for (char& c : line)
      if (c == '|' || c == '/') c = ' ';
    std::istringstream words(line);
    std::string gpu, form, fp8;
    double memory = 0, bf16 = 0, sms = 0, nvlink = 0, nic = 0;
    words >> gpu >> form >> memory >> bf16 >> fp8 >> sms >> nvlink;
    for (std::string word; words >> word;)  // "(160 usable)", then the NIC
      if (word.find_first_not_of("0123456789") == std::string::npos) nic = std::stod(word);
    EXPECT_DOUBLE_EQ(spec.gpu.memory_bandwidth.value, memory * 1e9) << line;
    EXPECT_DOUBLE_EQ(spec.gpu.peak.at(DType::kBf16).value, bf16 * 1e12) << line;
    EXPECT_EQ(spec.gpu.peak.contains(DType::kFp8), fp8 != "-") << line;
    if (fp8 != "-") {
      EXPECT_DOUBLE_EQ(spec.gpu.peak.at(DType::kFp8).value, std::stod(fp8) * 1e12) << line;
    }
    EXPECT_EQ(spec.gpu.sms, sms) << line;
    EXPECT_DOUBLE_EQ(spec.nvlink_bandwidth.value, nvlink * 1e9) << line;
    EXPECT_DOUBLE_EQ(spec.nic_bandwidth.value, nic * 1e9) << line;
    ++rows;
  }
  EXPECT_EQ(rows, 4);
}

}  // namespace
}  // namespace moesim
