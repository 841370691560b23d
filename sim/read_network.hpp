// The section `network:` of a scenario.
#pragma once

#include "sim/base/parameter.hpp"
#include "sim/model/network.hpp"

namespace moesim {

struct NetworkSection {
  NetworkOptions options;
  YamlNode resolved;
};

// `gpus` decides the default fidelity; 0 where the cluster is not known.
NetworkSection read_network_section(const YamlNode& section, int gpus, Mistakes& mistakes);

}  // namespace moesim
