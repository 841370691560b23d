// `moesim list`: presets, and plug-ins with their parameters.
#include <fmt/format.h>

#include <cmath>
#include <memory>

#include "analysis/format.hpp"
#include "sim/base/presets.hpp"
#include "sim/base/registry.hpp"
#include "sim/cli/command.hpp"
#include "sim/cli/list_presets.hpp"
#include "sim/cli/reference.hpp"
#include "sim/cli/text_table.hpp"

namespace moesim {
namespace {

std::vector<std::string> topics() {
  std::vector<std::string> all = {"models", "clusters", "calibrations"};
  for (const std::string& role : Catalog::instance().roles()) all.push_back(role);
  return all;
}

// "≥ 1", "above 0, at most 1": in the unit of the file (SI where it has one).
std::string range_of(const Parameter& parameter) {
  std::string text;
  if (!parameter.choices.empty()) {
    for (const std::string& choice : parameter.choices)
      text += (text.empty() ? "" : " | ") + choice;
    return text;
  }
  if (std::isfinite(parameter.minimum))
    text = fmt::format("{} {:g}", parameter.above_minimum ? ">" : "≥", parameter.minimum);
  if (std::isfinite(parameter.maximum))
    text += fmt::format("{}≤ {:g}", text.empty() ? "" : ", ", parameter.maximum);
  return text;
}

std::string default_of(const Parameter& parameter) {
  if (parameter.fallback) return *parameter.fallback;
  return parameter.required ? "(needed)" : "–";
}

std::string plugins_text() {
  std::string text;
  for (const std::string& role : Catalog::instance().roles()) {
    text += role + "\n";
    std::size_t width = 0;
    const auto names = Catalog::instance().names(role);
    for (const std::string& name : names) width = std::max(width, name.size());
    for (const std::string& name : names)
      text += fmt::format("  {}  {}\n", pad_right(name, width),
                          Catalog::instance().find(role, name)->summary);
  }
  for (const char* folder : {"models", "clusters", "calibrations"})
    text += fmt::format("{}  {} presets: moesim list {}\n", pad_right(folder, 12),
                        preset_names(folder).size(), folder);
  return text + "\nmoesim list ROLE shows the parameters of its plug-ins, with defaults.\n";
}

std::string role_text(const std::string& role) {
  std::string text;
  for (const std::string& name : Catalog::instance().names(role)) {
    const PluginInfo& info = *Catalog::instance().find(role, name);
    text += fmt::format("{}{}: {}\n", text.empty() ? "" : "\n", name, info.summary);
    if (!info.source.empty()) text += fmt::format("  source: {}\n", info.source);
    if (info.parameters.empty()) continue;
    TextTable table({{"  parameter"}, {"type"}, {"default"}, {"range"}, {""}});
    for (const Parameter& parameter : info.parameters)
      table.add({"  " + parameter.name, type_name(parameter.type), default_of(parameter),
                 range_of(parameter), parameter.doc});
    text += table.text();
  }
  return text;
}

Json parameter_json(const Parameter& parameter) {
  Json json = {{"name", parameter.name},
               {"type", type_name(parameter.type)},
               {"default", parameter.fallback ? Json(*parameter.fallback) : Json()},
               {"required", parameter.required},
               {"minimum", number_or_null(parameter.minimum)},
               {"maximum", number_or_null(parameter.maximum)},
               {"doc", parameter.doc}};
  if (parameter.above_minimum) json["above_minimum"] = true;
  if (!parameter.choices.empty()) json["choices"] = parameter.choices;
  return json;
}

Json role_json(const std::string& role) {
  Json list = Json::array();
  for (const std::string& name : Catalog::instance().names(role)) {
    const PluginInfo& info = *Catalog::instance().find(role, name);
    Json plugin = {{"name", name}, {"summary", info.summary}};
    if (!info.source.empty()) plugin["source"] = info.source;
    plugin["parameters"] = Json::array();
    for (const Parameter& parameter : info.parameters)
      plugin["parameters"].push_back(parameter_json(parameter));
    list.push_back(std::move(plugin));
  }
  return list;
}

Json all_json() {
  Json plugins = Json::object();
  for (const std::string& role : Catalog::instance().roles()) plugins[role] = role_json(role);
  Json all = {{"plugins", std::move(plugins)}};
  for (const char* folder : {"models", "clusters", "calibrations"})
    all[folder] = preset_names(folder);
  return all;
}

Json topic_json(const std::string& topic) {
  if (topic == "models") return {{"models", models_json()}};
  if (topic == "clusters") return {{"clusters", clusters_json()}};
  if (topic == "calibrations") return {{"calibrations", calibrations_json()}};
  return {{topic, role_json(topic)}};
}

std::string topic_text(const std::string& topic) {
  if (topic == "models") return models_table();
  if (topic == "clusters") return clusters_table();
  if (topic == "calibrations") return calibrations_table();
  return role_text(topic);
}

void check_topic(const std::string& topic) {
  const auto known = topics();
  if (std::find(known.begin(), known.end(), topic) == known.end())
    throw InputError({}, fmt::format("nothing to list is called '{}'", topic),
                     hint_for(topic, known));
}

std::function<int()> declare(CLI::App& app) {
  struct Flags {
    std::string topic;
    bool json = false;
    bool markdown = false;
  };
  const auto flags = std::make_shared<Flags>();
  app.add_option("topic", flags->topic, "models, clusters, calibrations, or a role of plug-ins");
  app.add_flag("--json", flags->json, "one JSON document");
  app.add_flag("--markdown", flags->markdown, "every key of a scenario, as in scenarios/README.md");
  return [flags] {
    if (flags->markdown) {
      fmt::print("{}", reference_markdown());
      return kExitDone;
    }
    if (!flags->topic.empty()) check_topic(flags->topic);
    if (flags->json) {
      fmt::print("{}", write_json(flags->topic.empty() ? all_json() : topic_json(flags->topic)));
    } else {
      fmt::print("{}", flags->topic.empty() ? plugins_text() : topic_text(flags->topic));
    }
    return kExitDone;
  };
}

const RegisterCommand kList("list", {.summary = "presets, and plug-ins with their parameters",
                                     .declare = declare});

}  // namespace
}  // namespace moesim
