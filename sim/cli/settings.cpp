#include "sim/cli/settings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "sim/base/presets.hpp"
#include "sim/base/registry.hpp"
#include "sim/event/event.hpp"
#include "sim/model/model_reader.hpp"
#include "sim/read_scenario.hpp"
#include "sim/topology/cluster_reader.hpp"

namespace moesim {
namespace {

using Settings = std::map<std::string, Setting>;

std::vector<std::string> values_of(const Parameter& parameter) {
  if (parameter.type == ParameterType::kFlag) return {"true", "false"};
  return parameter.choices;
}

void add_parameter(Settings& all, const std::string& section, const Parameter& parameter,
                   const std::string& plugin) {
  const std::string key = section.empty() ? parameter.name : section + "." + parameter.name;
  Setting& setting =
      all.try_emplace(key, Setting{.key = key, .doc = parameter.doc, .parameter = &parameter})
          .first->second;
  if (!plugin.empty()) setting.plugins.push_back(plugin);
  for (const std::string& value : values_of(parameter))
    if (std::find(setting.values.begin(), setting.values.end(), value) == setting.values.end())
      setting.values.push_back(value);
}

void add_role(Settings& all, const std::string& role) {
  const Catalog& catalog = Catalog::instance();
  const std::string section = section_of_role(role);
  const std::vector<std::string> names = catalog.names(role);
  all[section] = {.key = section, .doc = "a kind by its name, with its defaults", .values = names};
  const std::string kind = section + ".kind";
  all[kind] = {.key = kind, .doc = "the kind; the section's other keys stay", .values = names};
  for (const std::string& name : names)
    for (const Parameter& parameter : catalog.find(role, name)->parameters)
      add_parameter(all, section, parameter, name);
}

std::vector<Setting> all_settings() {
  Settings all;
  for (const std::string& role : Catalog::instance().roles())
    if (role != Event::kRole) add_role(all, role);  // events are a list, which is set as a whole
  all["events"] = {.key = "events", .doc = "a list of what happens in the course of the run"};
  for (const auto& [section, parameters] : plain_sections())
    for (const Parameter& parameter : parameters)
      if (parameter.type != ParameterType::kTree) add_parameter(all, section, parameter, "");
  for (const auto& [section, folder] :
       {std::pair("model", "models"), std::pair("cluster", "clusters")}) {
    const std::string preset = std::string(section) + ".preset";
    all[section] = {.key = section, .doc = "a preset", .values = preset_names(folder)};
    all[preset] = {.key = preset,
                   .doc = "the preset; the section's other keys stay",
                   .values = preset_names(folder)};
  }
  all["calibration"].values = preset_names("calibrations");
  std::vector<Setting> list;
  for (auto& [key, setting] : all) list.push_back(std::move(setting));
  return list;
}

}  // namespace

const std::vector<Setting>& settings() {
  static const std::vector<Setting> all = all_settings();
  return all;
}

const Setting* find_setting(const std::string& key) {
  for (const Setting& setting : settings())
    if (setting.key == key) return &setting;
  return nullptr;
}

const std::vector<std::pair<std::string, std::vector<Parameter>>>& plain_sections() {
  static const auto all = [] {
    auto sections = scenario_sections();
    sections.emplace_back("cluster", cluster_parameters());
    sections.emplace_back("cluster.gpu", gpu_parameters());
    sections.emplace_back("cluster.host", host_parameters());
    sections.emplace_back("model", model_parameters());
    sections.emplace_back("model.attention", attention_section_parameters());
    sections.emplace_back("model.mamba", mamba_section_parameters());
    return sections;
  }();
  return all;
}

std::string section_of_role(const std::string& role) {
  return role == Topology::kRole ? "cluster.topology" : role;
}

}  // namespace moesim
