#include "sim/read_pools.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sim/base/parameter.hpp"
#include "sim/read_scenario.hpp"

namespace moesim {
namespace {

// Sections of keys; a pool says some of them anew.
const std::vector<std::string> kMerged = {"workload", "launch", "parallel"};

// Sections that a pool replaces.
std::vector<std::string> replaced_sections() {
  std::vector<std::string> names = {"calibration", "events", "batching", "queue", "router"};
  for (const PluginSection& plugin : plugin_sections()) names.push_back(plugin.role);
  return names;
}

std::vector<Parameter> pool_keys() {
  std::vector<Parameter> keys = {{.name = "nodes",
                                  .type = ParameterType::kInteger,
                                  .doc = "of the cluster that are the pool's",
                                  .required = true,
                                  .minimum = 1,
                                  .maximum = 16384}};
  for (const std::vector<std::string>& names : {kMerged, replaced_sections()})
    for (const std::string& name : names)
      keys.push_back({.name = name, .type = ParameterType::kTree, .doc = "a section"});
  return keys;
}

// Of `all`, without the entry of that name.
YamlNode without(YamlNode all, const std::string& name) {
  std::erase_if(all.entries, [&](const NodeEntry& entry) { return entry.key == name; });
  return all;
}

void merge(const YamlNode& section, const NodeEntry& entry, YamlNode& root) {
  YamlNode* whole = root.find(entry.key);
  if (whole == nullptr || !whole->is_map() || !section.is_map()) {
    root.set(entry.key, section, entry.spot);
    return;
  }
  for (const NodeEntry& own : section.entries) whole->set(own.key, own.value, own.spot);
}

void set_nodes(const YamlNode& nodes, YamlNode& root) {
  YamlNode* cluster = root.find("cluster");
  if (cluster == nullptr) return;  // a mistake of the whole
  *cluster = as_section(*cluster, "preset");
  cluster->set("nodes", nodes, nodes.spot);
}

PoolSection pool_section(const YamlNode& root, const NodeEntry& pool, int nodes) {
  PoolSection section{.name = pool.key, .nodes = nodes, .root = without(root, "pools")};
  for (const NodeEntry& entry : pool.value.entries) {
    if (entry.key == "nodes")
      set_nodes(entry.value, section.root);
    else if (std::find(kMerged.begin(), kMerged.end(), entry.key) != kMerged.end())
      merge(entry.value, entry, section.root);
    else
      section.root.set(entry.key, entry.value, entry.spot);
  }
  // What the pool computes, unless the scenario says otherwise.
  YamlNode* workload = section.root.find("workload");
  if (workload == nullptr) workload = &section.root.set("workload", YamlNode::map(pool.spot));
  if (workload->is_map() && workload->find("phase") == nullptr)
    workload->set("phase", YamlNode::scalar(pool.key, pool.spot));
  return section;
}

}  // namespace

std::vector<PoolSection> read_pool_sections(const YamlNode& root, Mistakes& mistakes) {
  const YamlNode& pools = *root.find("pools");
  const std::vector<Parameter> names = {{.name = "prefill",
                                         .type = ParameterType::kTree,
                                         .doc = "computes prompts",
                                         .required = true},
                                        {.name = "decode",
                                         .type = ParameterType::kTree,
                                         .doc = "computes answers",
                                         .required = true}};
  const Arguments both = read_arguments(pools, names, mistakes, "section 'pools'");
  std::vector<PoolSection> sections;
  for (const Parameter& name : names) {
    if (!both.has(name.name)) return {};
    const auto entry = std::find_if(pools.entries.begin(), pools.entries.end(),
                                    [&](const NodeEntry& pool) { return pool.key == name.name; });
    const Arguments own =
        read_arguments(entry->value, pool_keys(), mistakes, fmt::format("pool '{}'", name.name));
    if (!own.has("nodes")) return {};
    sections.push_back(pool_section(root, *entry, own.integer("nodes")));
  }
  return sections;
}

void set_cluster_nodes(const std::vector<PoolSection>& pools, YamlNode& root, Mistakes& mistakes) {
  int sum = 0;
  for (const PoolSection& pool : pools) sum += pool.nodes;
  const YamlNode* cluster = root.find("cluster");
  const YamlNode* written =
      cluster != nullptr && cluster->is_map() ? cluster->find("nodes") : nullptr;
  if (written != nullptr && written->text != std::to_string(sum))
    mistakes.add(written->spot, fmt::format("the pools have {} nodes together", sum),
                 fmt::format("nodes: {}, or leave it out", sum));
  set_nodes(YamlNode::scalar(std::to_string(sum), root.spot), root);
}

YamlNode resolved_pool(const YamlNode& resolved, int nodes) {
  const std::vector<std::string> common = {"schema",   "name",    "model", "cluster",
                                           "requests", "serving", "seed",  "network"};
  YamlNode own = YamlNode::map();
  own.set("nodes", YamlNode::scalar(std::to_string(nodes)));
  for (const NodeEntry& entry : resolved.entries)
    if (std::find(common.begin(), common.end(), entry.key) == common.end())
      own.set(entry.key, entry.value);
  return own;
}

}  // namespace moesim
