#include "analysis/report/provenance.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "analysis/format.hpp"
#include "analysis/report/parts.hpp"

namespace moesim {
namespace {

std::string value_text(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

// "eplb (redundant 32)": the kind first, then what else is said of it.
std::string section_text(const Json& section) {
  if (!section.is_object()) return value_text(section);
  std::string kind, rest;
  for (const auto& [key, value] : section.items()) {
    if (key == "kind")
      kind = value_text(value);
    else if (value.is_primitive() && !value.is_null())
      rest += fmt::format("{}{} {}", rest.empty() ? "" : ", ", key, value_text(value));
  }
  if (kind.empty()) return rest;
  return rest.empty() ? kind : fmt::format("{} ({})", kind, rest);
}

std::string model_text(const Json& model) {
  if (!model.contains("top_k"))  // no experts
    return fmt::format("{}: {} layers, dense, {}", value_text(model.at("name")),
                       value_text(model.at("layers")), value_text(model.at("dtype")));
  return fmt::format("{}: {} layers, {} experts of which a token takes {}, {} shared, {}",
                     value_text(model.at("name")), value_text(model.at("layers")),
                     value_text(model.at("experts")), value_text(model.at("top_k")),
                     value_text(model.value("shared_experts", Json(0))),
                     value_text(model.at("dtype")));
}

std::string nodes_text(const Json& cluster) {
  return count_text(cluster.at("nodes").get<int>(), "node");
}

std::string cluster_text(const Json& cluster) {
  return fmt::format("{} of {} × {}, NVLink {}, {} NICs of {} a node, {}", nodes_text(cluster),
                     value_text(cluster.at("gpus_per_node")),
                     value_text(cluster.at("gpu").at("name")),
                     value_text(cluster.value("nvlink_bandwidth", Json("none"))),
                     value_text(cluster.value("nics_per_node", Json(0))),
                     value_text(cluster.value("nic_bandwidth", Json("none"))),
                     section_text(cluster.at("topology")));
}

// Sections whose kind "none" (or whose absence) changes nothing.
bool says_nothing(const Json& section) {
  return section.is_null() || section == Json::object() ||
         (section.is_object() && section.value("kind", Json()) == Json("none"));
}

constexpr std::pair<const char*, const char*> kSections[] = {
    {"workload", "work"},           {"requests", "requests"},   {"lengths", "lengths"},
    {"parallel", "parallelism"},    {"trace", "routes"},        {"gate", "gate"},
    {"capacity", "capacity"},       {"placement", "placement"}, {"replica", "replica"},
    {"exchange", "exchange"},       {"overlap", "overlap"},     {"rebalance", "rebalancing"},
    {"step_placement", "travel"},   {"cache", "expert cache"},  {"prefetch", "prefetch"},
    {"batching", "batching"},       {"queue", "queue"},         {"router", "router"},
    {"serving", "serving"},         {"targets", "targets"},     {"network", "network model"},
    {"calibration", "kernel costs"}};

// Where requests come, they say what there is to do, and these speak of fixed batches.
bool is_unused(const Json& scenario, const std::string& key) {
  return scenario.contains("batching") && (key == "workload" || key == "lengths");
}

void add_sections(const Json& scenario, const std::string& before, Json& list) {
  for (const auto& [key, name] : kSections) {
    const auto found = scenario.find(key);
    if (found == scenario.end() || says_nothing(*found) || is_unused(scenario, key)) continue;
    const std::string text = section_text(*found);
    if (!text.empty()) list.push_back(named_text(before + name, text));
  }
}

std::string kernel_error(const Json& kernel) {
  const Json& error = kernel.at("held_out_mape");
  return error.is_number() ? "± " + format_percent(error.get<double>()) : "not measured";
}

}  // namespace

int gpus_of(const Json& scenario) {
  const Json& cluster = scenario.at("cluster");
  return cluster.at("nodes").get<int>() * cluster.at("gpus_per_node").get<int>();
}

std::string subject_of(const Json& scenario) {
  const Json& cluster = scenario.at("cluster");
  return fmt::format("{} on {} × {} in {}", value_text(scenario.at("model").at("name")),
                     gpus_of(scenario), value_text(cluster.at("gpu").at("name")),
                     nodes_text(cluster));
}

Json assumptions_of(const Json& scenario) {
  Json list = Json::array({named_text("model", model_text(scenario.at("model"))),
                           named_text("cluster", cluster_text(scenario.at("cluster")))});
  add_sections(scenario, "", list);
  if (const Json cache = at_path(scenario, "workload.step_cache"); !cache.is_null())
    list.push_back(named_text("step cache", section_text(cache)));
  if (const auto pools = scenario.find("pools"); pools != scenario.end() && pools->is_object())
    for (const auto& [name, pool] : pools->items()) add_sections(pool, name + " ", list);
  if (const auto events = scenario.find("events"); events != scenario.end())
    for (const Json& event : *events) list.push_back(named_text("event", section_text(event)));
  return list;
}

Json common_assumptions(const std::vector<Json>& scenarios) {
  Json common = scenarios.empty() ? Json::array() : assumptions_of(scenarios.front());
  for (const Json& scenario : scenarios) {
    const Json own = assumptions_of(scenario);
    Json kept = Json::array();
    for (const Json& each : common)
      if (std::find(own.begin(), own.end(), each) != own.end()) kept.push_back(each);
    common = std::move(kept);
  }
  return common;
}

Json provenance_of(const Json& summary) {
  const Json& from = summary.at("provenance");
  std::string network = value_text(from.at("fidelity"));
  if (number_at(from, "tolerance") > 0)
    network += fmt::format(", tolerance {}", from.at("tolerance").get<double>());
  if (const double error = number_at(from, "network_error"); error == error)
    network += ", " + format_error(error) + " off fluid on a sample";
  std::string calibrations, inputs;
  for (const Json& name : from.at("calibrations"))
    calibrations += (calibrations.empty() ? "" : ", ") + value_text(name);
  for (const Json& input : from.at("inputs"))
    inputs += fmt::format("{}{} ({})", inputs.empty() ? "" : " · ", value_text(input.at("file")),
                          value_text(input.at("digest")));
  Json list = Json::array();
  const auto add = [&](const char* name, const std::string& text) {
    if (!text.empty()) list.push_back(named_text(name, text));
  };
  add("program", "moesim " + value_text(from.at("moesim")));
  add("network", network);
  add("routes as", value_text(from.at("routing")));
  if (summary.contains("seed")) add("seed", value_text(summary.at("seed")));
  add("calibrations", calibrations);
  add("files read", inputs);
  return list;
}

Json kernels_part(const Json& summary) {
  Json part = table_part("How far off each kernel's cost is, on measurements held out of its fit",
                         {{"kernel"}, {"held-out error", "share"}, {"basis"}});
  for (const Json& kernel : summary.at("provenance").at("kernels"))
    part["rows"].push_back(
        {kernel.at("kernel"), kernel.at("held_out_mape"),
         kernel.at("measured") == true ? "measured" : "datasheet, " + kernel_error(kernel)});
  return part;
}

std::string without_figures(std::string text) {
  std::erase_if(text, [](char c) { return c == '.' || (c >= '0' && c <= '9'); });
  return text;
}

}  // namespace moesim
