#include "sim/read_section.hpp"

#include <algorithm>

#include "sim/base/check.hpp"
#include "sim/read_scenario.hpp"

namespace moesim {

const std::vector<Parameter>& section_parameters(const std::string& name) {
  for (const auto& [section, parameters] : scenario_sections())
    if (section == name) return parameters;
  MOESIM_CHECK(false, "every section that is read is declared");
  return scenario_sections().front().second;
}

void set_first(YamlNode& section, const std::string& key, const std::string& text) {
  std::erase_if(section.entries, [&](const NodeEntry& entry) { return entry.key == key; });
  section.entries.insert(section.entries.begin(),
                         NodeEntry{.key = key, .spot = {}, .value = YamlNode::scalar(text)});
}

}  // namespace moesim
