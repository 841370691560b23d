// Reads a scenario: the file, the `--set` overrides, the presets it names, and the checks across
// sections.
#pragma once

#include <string>
#include <vector>

#include "sim/model/scenario.hpp"

namespace moesim {

// The sections that are not plug-ins, with their declared parameters: "" is the top level, then
// "workload", "parallel", "network". For the reader, the documentation test and completion.
const std::vector<std::pair<std::string, std::vector<Parameter>>>& scenario_sections();

// The key `seed` of a scenario, and of what scenarios are made of.
Parameter seed_parameter();

// The sections that choose a plug-in, and what they are without one in the file.
struct PluginSection {
  std::string role;
  std::string fallback;  // the kind; empty = the section is required
  bool shown = true;     // in a resolved scenario, also where it is not written in the file
};
const std::vector<PluginSection>& plugin_sections();

// Throws InputError with all mistakes of the file in one go.
Scenario read_scenario(const std::string& path, const std::vector<std::string>& overrides);
// The same from a tree that was read or made elsewhere. `name` is the scenario's if it has none.
Scenario read_scenario(YamlNode root, const std::string& name);

}  // namespace moesim
