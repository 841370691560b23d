#include "sim/cli/help_topics.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "analysis/metric_catalog.hpp"
#include "sim/base/registry.hpp"
#include "sim/cli/command.hpp"
#include "sim/cli/help_commands.hpp"
#include "sim/cli/parameter_text.hpp"
#include "sim/cli/settings.hpp"
#include "sim/read_scenario.hpp"

namespace moesim {
namespace {

// "Doc. integer, ≥ 0, default 4"
std::string parameter_doc(const Parameter& parameter) {
  std::string text = parameter.doc + " (" + type_name(parameter.type);
  if (const std::string range = range_of(parameter); !range.empty()) text += ", " + range;
  if (parameter.fallback && !parameter.fallback->empty())
    text += ", default " + *parameter.fallback;
  else if (parameter.required)
    text += ", needed";
  return text + ")";
}

void add_parameters(HelpPage& page, const std::string& section,
                    const std::vector<Parameter>& parameters) {
  for (const Parameter& parameter : parameters)
    page.item(section.empty() ? parameter.name : section + "." + parameter.name,
              parameter_doc(parameter));
}

HelpPage plugin_page(const std::string& role, const std::string& name) {
  const PluginInfo& info = *Catalog::instance().find(role, name);
  HelpPage page{.title = role + " " + name};
  page.text(info.summary);
  if (!info.source.empty()) page.text("Source: " + info.source);
  page.code(fmt::format("--set {}.kind={}", section_of_role(role), name));
  if (!info.parameters.empty()) page.heading("Keys");
  add_parameters(page, section_of_role(role), info.parameters);
  return page;
}

std::string default_kind(const std::string& role) {
  for (const PluginSection& section : plugin_sections())
    if (section.role == role && !section.fallback.empty())
      return fmt::format("Without a section {}: {}.", section_of_role(role), section.fallback);
  return {};
}

HelpPage role_page(const std::string& role) {
  HelpPage page{.title = role};
  page.text(fmt::format("Kinds of {}. {}", section_of_role(role), default_kind(role)));
  for (const std::string& name : Catalog::instance().names(role))
    page.item(name, Catalog::instance().find(role, name)->summary);
  return page.text(fmt::format("moesim help {}.KIND shows the keys of a kind.", role));
}

HelpPage key_page(const Setting& setting) {
  HelpPage page{.title = setting.key};
  page.text(setting.parameter != nullptr ? parameter_doc(*setting.parameter) : setting.doc);
  if (!setting.plugins.empty())
    page.text(fmt::format("A key of: {}", fmt::join(setting.plugins, ", ")));
  if (setting.parameter == nullptr && !setting.values.empty())
    page.text(fmt::format("One of: {}", fmt::join(setting.values, ", ")));
  return page;
}

HelpPage metrics_page() {
  HelpPage page{.title = "Metrics"};
  page.text(
      "Of summary.json, under metrics; names for moesim compare --metric. Numbers are SI: "
      "seconds, bytes, shares from 0 to 1. A metric that is not defined is null.");
  for (const MetricInfo& metric : metric_catalog()) page.item(metric.name, metric.doc);
  return page;
}

HelpPage section_page(const std::string& section, const std::vector<Parameter>& parameters) {
  HelpPage page{.title = section.empty() ? "Top level of a scenario" : section};
  add_parameters(page, section, parameters);
  return page;
}

void add_command_topics(std::vector<HelpTopic>& topics) {
  for (const auto& [name, command] : commands())
    topics.push_back(
        {"commands", name, command.summary, [name = name] { return command_page(name); }});
}

void add_text_topics(std::vector<HelpTopic>& topics) {
  const std::string group = "concepts";
  topics.push_back({group, "set", "keys of a scenario on the command line", settings_page});
  topics.push_back({group, "metrics", "every metric of summary.json", metrics_page});
  topics.push_back({group, "files", "what is read and written", files_page});
  topics.push_back({group, "exit-codes", "what the program's exit status says", exit_codes_page});
  topics.push_back({group, "environment", "variables that it looks at", environment_page});
}

void add_plugin_topics(std::vector<HelpTopic>& topics) {
  for (const std::string& role : Catalog::instance().roles())
    topics.push_back({"kinds of plug-ins", role,
                      fmt::format("{} kinds", Catalog::instance().names(role).size()),
                      [role] { return role_page(role); }});
  for (const std::string& role : Catalog::instance().roles())
    for (const std::string& name : Catalog::instance().names(role))
      topics.push_back({"plug-ins", role + "." + name,
                        Catalog::instance().find(role, name)->summary,
                        [role, name] { return plugin_page(role, name); }});
}

void add_key_topics(std::vector<HelpTopic>& topics) {
  for (const auto& [section, parameters] : plain_sections())
    topics.push_back({"sections of a scenario", section.empty() ? "scenario" : section,
                      fmt::format("{} keys", parameters.size()),
                      [section = section, parameters = parameters] {
                        return section_page(section, parameters);
                      }});
  for (const Setting& setting : settings())
    topics.push_back({"keys", setting.key, setting.doc, [&setting] { return key_page(setting); }});
}

void add_metric_topics(std::vector<HelpTopic>& topics) {
  for (const MetricInfo& metric : metric_catalog())
    topics.push_back({"metrics", metric.name, metric.doc, [&metric] {
                        HelpPage page{.title = metric.name};
                        return page.text(metric.doc);
                      }});
}

// Of several of one name (a role and its section), the first.
std::vector<HelpTopic> all_topics() {
  std::vector<HelpTopic> all, topics;
  add_command_topics(all);
  add_text_topics(all);
  add_plugin_topics(all);
  add_key_topics(all);
  add_metric_topics(all);
  for (HelpTopic& topic : all)
    if (std::none_of(topics.begin(), topics.end(),
                     [&](const HelpTopic& other) { return other.name == topic.name; }))
      topics.push_back(std::move(topic));
  return topics;
}

}  // namespace

const std::vector<HelpTopic>& help_topics() {
  static const std::vector<HelpTopic> topics = all_topics();
  return topics;
}

const HelpTopic& find_help_topic(const std::string& name) {
  std::vector<std::string> names;
  std::vector<const HelpTopic*> ends;
  for (const HelpTopic& topic : help_topics()) {
    if (topic.name == name) return topic;
    if (topic.name.ends_with("." + name)) ends.push_back(&topic);
    names.push_back(topic.name);
    if (topic.group == "plug-ins") names.push_back(topic.name.substr(topic.name.find('.') + 1));
  }
  if (ends.size() == 1) return *ends.front();
  if (ends.size() > 1) {
    std::vector<std::string> full;
    for (const HelpTopic* topic : ends) full.push_back(topic->name);
    throw InputError({}, fmt::format("several topics are called '{}'", name),
                     fmt::format("one of: {}", fmt::join(full, ", ")));
  }
  throw InputError({}, fmt::format("there is no help on '{}'", name), hint_for(name, names));
}

std::vector<HelpPage> manual() {
  std::vector<HelpPage> pages = {HelpPage{.title = "Name"}.text(
      "moesim - a simulator of Mixture-of-Experts scheduling on GPU clusters")};
  pages.push_back(HelpPage{.title = "Synopsis"}.text("moesim COMMAND [FLAG...]"));
  pages.push_back(HelpPage{.title = "Description"}.text(
      "Says what happens to throughput, latency and balance of a Mixture-of-Experts model on a "
      "cluster if the scheduler, the capacity factor, the expert placement or the machine changes. "
      "It replays token routing through a cluster of GPUs and links, with kernels and exchange "
      "libraries that cost what they were measured to cost."));
  for (const auto& [name, command] : commands()) {
    pages.push_back(command_page(name));
    pages.back().title = "moesim " + name;
  }
  pages.push_back(settings_page());
  HelpPage keys{.title = "Keys of a scenario"};
  for (const auto& [section, parameters] : plain_sections()) {
    keys.heading(section.empty() ? "top level" : section);
    add_parameters(keys, section, parameters);
  }
  pages.push_back(std::move(keys));
  HelpPage plugins{.title = "Plug-ins"};
  for (const std::string& role : Catalog::instance().roles()) {
    plugins.heading(role);
    for (const HelpBlock& block : role_page(role).blocks) plugins.blocks.push_back(block);
  }
  pages.push_back(std::move(plugins));
  for (HelpPage& page :
       std::vector<HelpPage>{metrics_page(), files_page(), environment_page(), exit_codes_page()})
    pages.push_back(std::move(page));
  return pages;
}

}  // namespace moesim
