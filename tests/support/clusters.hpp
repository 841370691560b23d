// Clusters for tests.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "sim/base/yaml.hpp"
#include "sim/topology/topology.hpp"

namespace moesim {

// Nodes of 8 GPUs with a NIC each: NVLink 450 GB/s, 1 us; NIC 50 GB/s, 2 us; 0.5 us a fabric hop.
inline ClusterSpec test_spec(int nodes) {
  ClusterSpec spec;
  spec.nodes = nodes;
  spec.gpu.name = "test GPU";
  spec.gpu.memory = Bytes(80e9);
  spec.gpu.memory_bandwidth = BytesPerSecond(3e12);
  spec.gpu.peak = {{DType::kBf16, FlopsPerSecond(1e15)}};
  spec.gpu.sms = 132;
  spec.gpu.pcie = BytesPerSecond(64e9);
  spec.nvlink_bandwidth = BytesPerSecond(450e9);
  spec.nvlink_latency = Seconds(1e-6);
  spec.nic_bandwidth = BytesPerSecond(50e9);
  spec.nic_latency = Seconds(2e-6);
  spec.switch_latency = Seconds(0.5e-6);
  return spec;
}

// `topology` in YAML, as in a scenario: "rail_optimized" or "{kind: fat_tree, oversubscription:
// 2}".
inline Cluster build_cluster(const ClusterSpec& spec, const std::string& topology) {
  Mistakes mistakes;
  const YamlNode root = parse_yaml(text_source("test", "topology: " + topology));
  const Choice choice = read_choice(Topology::kRole, *root.find("topology"), mistakes);
  mistakes.throw_if_any();
  return Registry<Topology>::make(choice)->build(spec);
}

inline std::vector<std::string> link_names(const Cluster& cluster, const Route& route) {
  std::vector<std::string> names;
  for (int i = 0; i < route.count; ++i)
    names.push_back(cluster.link(route.links[static_cast<std::size_t>(i)]).name);
  return names;
}

}  // namespace moesim
