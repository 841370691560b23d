#include "sim/base/registry.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moesim {
namespace {

// What is left of a section when --set has chosen another kind than the file: keys of the file that
// the new kind does not know go.
YamlNode without_stale_keys(const YamlNode& section, const YamlNode& kind, const PluginInfo& info) {
  if (!kind.spot.source || !kind.spot.source->is_flag) return section;
  YamlNode kept = section;
  std::erase_if(kept.entries, [&](const NodeEntry& entry) {
    if (entry.key == "kind" || (entry.spot.source && entry.spot.source->is_flag)) return false;
    return std::none_of(info.parameters.begin(), info.parameters.end(),
                        [&](const Parameter& p) { return p.name == entry.key; });
  });
  return kept;
}

}  // namespace

Catalog& Catalog::instance() {
  static Catalog catalog;
  return catalog;
}

void Catalog::add(const std::string& role, PluginInfo info) {
  const std::string name = info.name;
  const bool fresh = plugins_[role].emplace(name, std::move(info)).second;
  MOESIM_CHECK(fresh, fmt::format("{} '{}' is registered once", role, name));
}

std::vector<std::string> Catalog::names(const std::string& role) const {
  std::vector<std::string> names;
  if (const auto found = plugins_.find(role); found != plugins_.end())
    for (const auto& [name, info] : found->second) names.push_back(name);
  return names;
}

std::vector<std::string> Catalog::roles() const {
  std::vector<std::string> roles;
  for (const auto& [role, plugins] : plugins_) roles.push_back(role);
  return roles;
}

const PluginInfo* Catalog::find(const std::string& role, const std::string& name) const {
  const auto plugins = plugins_.find(role);
  if (plugins == plugins_.end()) return nullptr;
  const auto found = plugins->second.find(name);
  return found == plugins->second.end() ? nullptr : &found->second;
}

Choice read_choice(const std::string& role, const YamlNode& section, Mistakes& mistakes) {
  if (section.is_list()) {
    mistakes.add(section.spot, fmt::format("{} is a list: it takes one kind", role),
                 fmt::format("write {0}: NAME, or {0}: {{kind: NAME, …}}", role));
    return {};
  }
  const YamlNode* kind = section.is_scalar() ? &section : section.find("kind");
  if (kind == nullptr || !kind->is_scalar()) {
    mistakes.add(kind != nullptr ? kind->spot : section.spot, fmt::format("{} needs a kind", role),
                 hint_for("", Catalog::instance().names(role)));
    return {};
  }
  const PluginInfo* info = Catalog::instance().find(role, kind->text);
  if (info == nullptr) {
    mistakes.add(kind->spot, fmt::format("no {} is called '{}'", role, kind->text),
                 hint_for(kind->text, Catalog::instance().names(role)));
    return {};
  }
  const YamlNode keys =
      section.is_scalar() ? YamlNode::map(section.spot) : without_stale_keys(section, *kind, *info);
  return {.kind = kind->text,
          .arguments = read_arguments(keys, info->parameters, mistakes,
                                      fmt::format("{} '{}'", role, kind->text), {"kind"}),
          .spot = section.spot};
}

YamlNode resolved_choice(const std::string& role, const Choice& choice) {
  const PluginInfo* info = Catalog::instance().find(role, choice.kind);
  MOESIM_CHECK(info != nullptr, "a choice that was read names a registered plug-in");
  YamlNode section = YamlNode::map();
  section.set("kind", YamlNode::scalar(choice.kind));
  for (NodeEntry& entry : resolved_section(choice.arguments, info->parameters).entries)
    section.set(entry.key, std::move(entry.value));
  return section;
}

}  // namespace moesim
