#include "sim/read_targets.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moesim {
namespace {

std::vector<Parameter> latencies() {
  const auto latency = [](const char* name, const char* doc) {
    return Parameter{.name = name,
                     .type = ParameterType::kTime,
                     .doc = doc,
                     .minimum = 0,
                     .above_minimum = true};
  };
  return {latency("ttft", "target of the time to the first token"),
          latency("tpot", "target of the mean time per further token"),
          latency("e2e", "target of the time to the end of the answer")};
}

LatencyTargets read_latencies(const Arguments& section, LatencyTargets targets) {
  if (section.has("ttft")) targets.ttft = section.time("ttft");
  if (section.has("tpot")) targets.tpot = section.time("tpot");
  if (section.has("e2e")) targets.e2e = section.time("e2e");
  return targets;
}

}  // namespace

const std::vector<Parameter>& target_parameters() {
  static const std::vector<Parameter> parameters = [] {
    std::vector<Parameter> all = latencies();
    all.push_back({.name = "classes",
                   .type = ParameterType::kTree,
                   .doc = "{CLASS: {ttft: …, tpot: …, e2e: …}, …}: where a class of requests has "
                          "other targets"});
    all.push_back({.name = "warmup",
                   .type = ParameterType::kTime,
                   .doc = "requests that arrive before are served and not measured",
                   .fallback = "0 s",
                   .minimum = 0});
    return all;
  }();
  return parameters;
}

ServiceTargets read_targets(const Arguments& section, Mistakes& mistakes) {
  ServiceTargets targets{.all = read_latencies(section, {}), .warmup = section.time("warmup")};
  if (!section.has("classes")) return targets;
  const YamlNode& classes = section.tree("classes");
  if (!classes.is_map())
    mistakes.add(classes.spot, "classes of serving are a section", "classes: {chat: {ttft: 1 s}}");
  for (const NodeEntry& entry : classes.entries) {
    const Arguments one = read_arguments(entry.value, latencies(), mistakes,
                                         fmt::format("class '{}' of serving", entry.key));
    targets.classes.push_back(
        {.name = entry.key, .targets = read_latencies(one, targets.all), .spot = entry.spot});
  }
  return targets;
}

void check_targets(const ServiceTargets& targets, const std::vector<RequestClass>& classes,
                   Mistakes& mistakes) {
  std::vector<std::string> names;
  for (const RequestClass& one : classes)
    if (!one.name.empty()) names.push_back(one.name);
  for (const ClassTargets& one : targets.classes)
    if (std::find(names.begin(), names.end(), one.name) == names.end())
      mistakes.add(one.spot, fmt::format("no request is of class '{}'", one.name),
                   names.empty() ? "requests have no classes" : hint_for(one.name, names));
}

}  // namespace moesim
