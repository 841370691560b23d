// `pools:` of a scenario that serves: parts of the cluster with sections of their own.
#pragma once

#include <string>
#include <vector>

#include "sim/base/yaml.hpp"

namespace moesim {

// A pool as a scenario of its own: the whole one, with the sections that the pool says for itself
// in place of the whole one's (the keys of a section without a kind are merged), and its nodes.
struct PoolSection {
  std::string name;
  int nodes = 0;
  YamlNode root;
};

// In the order prefill, decode. Empty, and then a mistake is reported, where they cannot be read.
std::vector<PoolSection> read_pool_sections(const YamlNode& root, Mistakes& mistakes);

// Sets `cluster.nodes` of the whole to the sum of the pools'; another number that is written there
// is a mistake.
void set_cluster_nodes(const std::vector<PoolSection>& pools, YamlNode& root, Mistakes& mistakes);

// A pool's part of the resolved whole: its own sections, without those that all have in common.
YamlNode resolved_pool(const YamlNode& resolved, int nodes);

}  // namespace moesim
