// Every key that --set and --vary take, from the declarations: for completion and `moesim help`.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "sim/base/parameter.hpp"

namespace moesim {

struct Setting {
  std::string key;  // "placement.redundant"
  std::string doc;  // of parameters that several plug-ins have, the first one's
  std::vector<std::string> values = {};  // where it takes one of these
  const Parameter* parameter = nullptr;  // none: a section or its kind
  // The plug-ins that have the parameter, by name; empty where it is none of a plug-in's.
  std::vector<std::string> plugins = {};
};

// By key. The pointers are good while the program runs.
const std::vector<Setting>& settings();
const Setting* find_setting(const std::string& key);

// Sections of a scenario that are not plug-ins, with their parameters: as scenario_sections(), and
// those of the model and the cluster.
const std::vector<std::pair<std::string, std::vector<Parameter>>>& plain_sections();

// Where a role's section stands: "placement", "cluster.topology".
std::string section_of_role(const std::string& role);

}  // namespace moesim
