#include "sim/read_section.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sim/base/check.hpp"
#include "sim/base/presets.hpp"
#include "sim/read_scenario.hpp"

namespace moesim {

YamlNode section_node(const YamlNode& root, const std::string& name) {
  const YamlNode* node = root.find(name);
  return node != nullptr ? *node : YamlNode::map(root.spot);
}

const std::vector<Parameter>& section_parameters(const std::string& name) {
  for (const auto& [section, parameters] : scenario_sections())
    if (section == name) return parameters;
  MOESIM_CHECK(false, "every section that is read is declared");
  return scenario_sections().front().second;
}

std::vector<Choice> read_choices(const std::string& role, const std::string& section,
                                 const YamlNode& list, Mistakes& mistakes) {
  std::vector<Choice> choices;
  if (!list.is_list()) {
    mistakes.add(list.spot, fmt::format("{} is a list of {}s", section, role),
                 fmt::format("write {}: [{{kind: NAME, …}}]", section));
    return choices;
  }
  for (const YamlNode& item : list.items) {
    Choice choice = read_choice(role, item, mistakes);
    if (!choice.kind.empty()) choices.push_back(std::move(choice));
  }
  return choices;
}

void note_nested_files(YamlNode& section, const std::string& folder,
                       std::vector<std::string>& inputs) {
  for (YamlNode& item : section.items) note_nested_files(item, folder, inputs);
  for (NodeEntry& entry : section.entries) {
    if (entry.key != "file" || !entry.value.is_scalar()) {
      note_nested_files(entry.value, folder, inputs);
      continue;
    }
    const std::filesystem::path path = find_file(entry.value.text, entry.value.spot, folder);
    inputs.push_back(shown_path(path));
    if (!is_preset(path, folder, entry.value.text)) entry.value.file = path;
  }
}

void set_first(YamlNode& section, const std::string& key, const std::string& text) {
  std::erase_if(section.entries, [&](const NodeEntry& entry) { return entry.key == key; });
  section.entries.insert(section.entries.begin(),
                         NodeEntry{.key = key, .spot = {}, .value = YamlNode::scalar(text)});
}

}  // namespace moesim
