// What differs from the rest of a cluster, by name: a node with other counts, a slow or a missing
// link, a link that others use too.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sim/base/parameter.hpp"
#include "sim/model/cluster.hpp"

namespace moesim {

struct NodeOverride {
  int node = 0;
  std::optional<int> gpus;
  std::optional<int> nics;
};

struct LinkOverride {
  std::string pattern;  // of link names, or of ports: both directions; '*' is any text
  std::optional<BytesPerSecond> bandwidth;
  std::optional<Seconds> latency;
  double background = 0;  // share of the bandwidth that other traffic takes
  bool missing = false;   // both directions
  Spot spot;
};

struct Overrides {
  std::vector<NodeOverride> nodes;
  std::vector<LinkOverride> links;
};

// Declared keys of one override.
std::vector<Parameter> override_parameters();

// Reads the list `overrides:` of a cluster of `nodes` nodes. `resolved` becomes the list with what
// was given. Mistakes are collected.
Overrides read_overrides(const YamlNode& list, int nodes, Mistakes& mistakes, YamlNode& resolved);

// Changes the links of a graph, in the order given. Throws InputError where a pattern names no
// link, with the nearest name.
void apply_overrides(ClusterGraph& graph, const std::vector<LinkOverride>& overrides);

}  // namespace moesim
