// `moesim list`: presets, and plug-ins with their parameters.
#include <fmt/format.h>

#include <memory>

#include "analysis/format.hpp"
#include "analysis/text_table.hpp"
#include "sim/base/presets.hpp"
#include "sim/base/registry.hpp"
#include "sim/cli/command.hpp"
#include "sim/cli/flags.hpp"
#include "sim/cli/list_presets.hpp"
#include "sim/cli/parameter_text.hpp"
#include "sim/cli/reference.hpp"

namespace moesim {
namespace {

std::vector<std::string> topics() {
  std::vector<std::string> all = {"models", "clusters", "calibrations"};
  for (const std::string& role : Catalog::instance().roles()) all.push_back(role);
  return all;
}

std::string plugins_text(const Screen& screen) {
  std::string text;
  for (const std::string& role : Catalog::instance().roles()) {
    text += role + "\n";
    TextTable table({{""}, {""}});
    for (const std::string& name : Catalog::instance().names(role))
      table.add({"  " + name, Catalog::instance().find(role, name)->summary});
    text += table.text(screen);
  }
  for (const char* folder : {"models", "clusters", "calibrations"})
    text += fmt::format("{}  {} presets: moesim list {}\n", pad_right(folder, 12),
                        preset_names(folder).size(), folder);
  return text + "\n" +
         wrap("moesim list ROLE shows the parameters of its plug-ins, with defaults.",
              screen.prose(), "") +
         "\n";
}

// All of them, and the presets.
TextTable everything_table() {
  TextTable table({{"role"}, {"name"}, {"summary"}, {"source"}});
  for (const std::string& role : Catalog::instance().roles())
    for (const std::string& name : Catalog::instance().names(role)) {
      const PluginInfo& info = *Catalog::instance().find(role, name);
      table.add({role, name, info.summary, info.source});
    }
  for (const char* folder : {"models", "clusters", "calibrations"})
    for (const std::string& name : preset_names(folder)) table.add({folder, name, "preset", ""});
  return table;
}

std::string role_text(const std::string& role, const Screen& screen) {
  std::string text;
  const auto prose = [&](const std::string& line) {
    return wrap(screen.shown(line), screen.prose(), "    ") + "\n";
  };
  for (const std::string& name : Catalog::instance().names(role)) {
    const PluginInfo& info = *Catalog::instance().find(role, name);
    text += (text.empty() ? "" : "\n") + prose(name + ": " + info.summary);
    if (!info.source.empty()) text += "  " + prose("source: " + info.source);
    if (!info.parameters.empty()) text += parameters_table(info.parameters, "  ").text(screen);
  }
  return text;
}

// One line a parameter of any plug-in of the role; a plug-in without any has a line of its own.
TextTable role_table(const std::string& role) {
  TextTable table({{"plugin"}, {"parameter"}, {"type"}, {"default"}, {"range"}, {"doc"}});
  for (const std::string& name : Catalog::instance().names(role)) {
    const PluginInfo& info = *Catalog::instance().find(role, name);
    for (const Parameter& parameter : info.parameters)
      table.add({name, parameter.name, type_name(parameter.type), default_of(parameter),
                 range_of(parameter), parameter.doc});
    if (info.parameters.empty()) table.add({name, "", "", "", "", info.summary});
  }
  return table;
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

PresetTable preset_table(const std::string& topic) {
  if (topic == "models") return models_table();
  return topic == "clusters" ? clusters_table() : calibrations_table();
}

bool is_role(const std::string& topic) {
  const auto roles = Catalog::instance().roles();
  return std::find(roles.begin(), roles.end(), topic) != roles.end();
}

std::string topic_text(const std::string& topic, const Screen& screen) {
  if (is_role(topic)) return role_text(topic, screen);
  const PresetTable presets = preset_table(topic);
  return presets.table.text(screen) + "\n" + wrap(screen.shown(presets.note), screen.prose(), "") +
         "\n";
}

void check_topic(const std::string& topic) {
  const auto known = topics();
  if (std::find(known.begin(), known.end(), topic) == known.end())
    throw InputError({}, fmt::format("nothing to list is called '{}'", topic),
                     hint_for(topic, known));
}

struct ListFlags {
  std::string topic, color = "auto";
  bool json = false, csv = false, markdown = false;
};

std::string document(const ListFlags& flags) {
  const std::string& topic = flags.topic;
  if (flags.json) return write_json(topic.empty() ? all_json() : topic_json(topic));
  if (flags.markdown) {
    if (topic.empty()) return reference_markdown();
    return is_role(topic) ? role_markdown(topic) : preset_table(topic).table.markdown();
  }
  if (flags.csv) {
    if (topic.empty()) return everything_table().csv();
    return is_role(topic) ? role_table(topic).csv() : preset_table(topic).table.csv();
  }
  const Screen screen = stdout_screen(flags.color);
  return topic.empty() ? plugins_text(screen) : topic_text(topic, screen);
}

std::function<int()> declare_list(CLI::App& app) {
  const auto flags = std::make_shared<ListFlags>();
  app.add_option("topic", flags->topic, "models, clusters, calibrations, or a role of plug-ins")
      ->type_name("TOPIC");
  app.add_flag("--json", flags->json, "one JSON document");
  declare_table_forms(app, flags->csv, flags->markdown);
  declare_color(app, flags->color);
  return [flags] {
    if (!flags->topic.empty()) check_topic(flags->topic);
    fmt::print("{}", document(*flags));
    return kExitDone;
  };
}

const RegisterCommand kList("list", {.summary = "presets, and plug-ins with their parameters",
                                     .declare = declare_list});

}  // namespace
}  // namespace moesim
