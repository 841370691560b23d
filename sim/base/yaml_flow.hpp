// YAML in one line.
#pragma once

#include "sim/base/yaml.hpp"

namespace moesim {

// Parses back to the same tree: "{kind: eplb, redundant: 16}".
std::string write_flow(const YamlNode& node);

}  // namespace moesim
