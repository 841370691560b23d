// Reads the `cluster:` section of a scenario, or a file of scenarios/clusters.
#pragma once

#include <string>
#include <vector>

#include "sim/topology/topology.hpp"

namespace moesim {

// Declared keys: of the section, of its `gpu:` and `host:`, and of `gpu: peak:`. The key `preset`
// is read before (sim/base/preset_section.hpp).
std::vector<Parameter> cluster_parameters();
std::vector<Parameter> gpu_parameters();
std::vector<Parameter> host_parameters();
std::vector<Parameter> peak_parameters();

struct ClusterSection {
  ClusterSpec spec;
  Choice topology;
  YamlNode resolved;                // everything inline, defaults too; reads back to the same
  std::vector<std::string> inputs;  // files that were read, as shown in messages
};

// Mistakes are collected; the section is then not to be used.
ClusterSection read_cluster_section(const YamlNode& section, Mistakes& mistakes);

// Throws InputError where the sizes do not fit each other.
Cluster build_cluster(const ClusterSection& section);

// Both in one. Throws InputError with all of `mistakes` if there are any.
Cluster read_cluster(const YamlNode& section, Mistakes& mistakes);

}  // namespace moesim
