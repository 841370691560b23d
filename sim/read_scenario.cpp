#include "sim/read_scenario.hpp"

#include <fmt/format.h>

#include "sim/append_new.hpp"
#include "sim/base/override.hpp"
#include "sim/base/presets.hpp"
#include "sim/calibration/calibration.hpp"
#include "sim/check_across.hpp"
#include "sim/event/event.hpp"
#include "sim/model/model_reader.hpp"
#include "sim/read_network.hpp"
#include "sim/read_pipeline.hpp"
#include "sim/read_pools.hpp"
#include "sim/read_section.hpp"
#include "sim/read_serving.hpp"
#include "sim/read_workload.hpp"
#include "sim/topology/cluster_reader.hpp"

namespace moesim {
namespace {

// Reads the sections one after the other into a Scenario and its resolved tree.
class Reader {
 public:
  // `pool`: the root is that of a pool, whose requests are the whole's.
  Reader(YamlNode root, std::string name, bool pool = false)
      : root_(std::move(root)), name_(std::move(name)), pool_(pool) {}

  Scenario read() {
    if (!root_.is_map())
      throw InputError(root_.spot, "a scenario must be a section of keys and values");
    read_top();
    if (root_.find("pools") != nullptr) return read_pooled();
    read_model();
    read_cluster_section();
    read_serving_sections();
    read_workload();
    scenario_.launching = read_launching(section("launch"));
    read_parallel();
    read_plugins();
    read_training_sections();
    read_calibration();
    read_events();
    read_network();
    if (mistakes_.empty()) check_across(parallel_, workload_, scenario_, mistakes_);
    mistakes_.throw_if_any();
    return std::move(scenario_);
  }

 private:
  Arguments section(const std::string& name) {
    const auto& parameters = section_parameters(name);
    Arguments arguments = read_arguments(section_node(root_, name), parameters, mistakes_,
                                         fmt::format("section '{}'", name));
    scenario_.resolved.set(name, resolved_section(arguments, parameters));
    return arguments;
  }

  // The whole is what pools have in common; each is read as a scenario of its own.
  Scenario read_pooled() {
    const std::vector<PoolSection> pools = read_pool_sections(root_, mistakes_);
    read_model();
    read_serving_sections();
    if (!scenario_.serves())
      mistakes_.add(root_.find("pools")->spot, "'pools' is for serving, and there are no requests",
                    "say which come, in a section requests:");
    if (!pools.empty()) set_cluster_nodes(pools, root_, mistakes_);
    read_cluster_section();
    read_network();
    mistakes_.throw_if_any();
    YamlNode resolved = YamlNode::map();
    for (const PoolSection& pool : pools) {
      try {
        auto own = std::make_shared<Scenario>(Reader(pool.root, pool.name, true).read());
        append_new(scenario_.inputs, own->inputs);
        resolved.set(pool.name, resolved_pool(own->resolved, pool.nodes));
        scenario_.pools.push_back({pool.name, std::move(own)});
      } catch (const InputError& error) {
        mistakes_.add(error);
      }
    }
    mistakes_.throw_if_any();
    scenario_.resolved.set("pools", std::move(resolved));
    return std::move(scenario_);
  }

  void read_top() {
    std::vector<std::string> sections = {"workload", "launch", "parallel", "network",
                                         "pools",    "events", "training", "serving"};
    for (const std::string& role : serving_roles()) sections.push_back(role);
    for (const PluginSection& plugin : plugin_sections()) sections.push_back(plugin.role);
    std::vector<Parameter> known = section_parameters("");
    for (const std::string& name : sections)
      known.push_back({.name = name, .type = ParameterType::kTree, .doc = "a section"});
    const Arguments top = read_arguments(root_, known, mistakes_, "a scenario");
    scenario_.resolved = YamlNode::map();
    scenario_.resolved.set("schema", YamlNode::scalar("moesim.scenario/1"));
    scenario_.name = top.has("name") ? top.text("name") : name_;
    scenario_.resolved.set("name", YamlNode::scalar(scenario_.name));
    if (top.has("seed")) scenario_.seed = static_cast<std::uint64_t>(top.integer("seed"));
  }

  void read_model() {
    const YamlNode* node = root_.find("model");
    if (node == nullptr) return;  // already reported
    try {
      ModelSection model = read_model_section(*node, mistakes_);
      scenario_.model = std::move(model.model);
      scenario_.resolved.set("model", std::move(model.resolved));
      append_new(scenario_.inputs, model.inputs);
    } catch (const InputError& error) {
      mistakes_.add(error);
    }
  }

  void read_cluster_section() {
    const YamlNode* node = root_.find("cluster");
    if (node == nullptr) return;
    Mistakes mistakes;
    try {
      ClusterSection cluster = moesim::read_cluster_section(*node, mistakes);
      mistakes.throw_if_any();
      cluster.spec.with_hosts = offloads_experts();
      scenario_.cluster = std::make_shared<const Cluster>(build_cluster(cluster));
      scenario_.resolved.set("cluster", std::move(cluster.resolved));
      append_new(scenario_.inputs, cluster.inputs);
    } catch (const InputError& error) {
      mistakes_.add(error);
    }
  }

  bool offloads_experts() const {
    const YamlNode* cache = root_.find("cache");
    if (cache == nullptr) return false;
    const YamlNode* kind = cache->is_map() ? cache->find("kind") : cache;
    return kind != nullptr && kind->text != "none";
  }

  void read_serving_sections() {
    read_serving(root_, scenario_, mistakes_);
    if (scenario_.serves() && !pool_ && mistakes_.empty()) check_requests(scenario_, mistakes_);
    if (scenario_.serves())
      note_files("requests", scenario_.requests, *scenario_.resolved.find("requests"));
  }

  void read_workload() {
    workload_ = section("workload");
    const int tokens = read_tokens(workload_, scenario_, mistakes_);
    if (tokens == 0) return;  // reported already
    scenario_.workload_spot = workload_.spot("tokens_per_gpu");
    scenario_.workload = moesim::read_workload(workload_, tokens, scenario_, mistakes_);
    read_step_cache(workload_, scenario_, mistakes_);
    scenario_.model = with_mtp_layers(std::move(scenario_.model), scenario_.workload.draft_tokens);
  }

  void read_training_sections() {
    const bool training = scenario_.workload.phase == WorkloadPhase::kTraining;
    for (const char* name : {"training", "schedule"})
      if (const YamlNode* node = root_.find(name); node != nullptr && !training)
        mistakes_.add(node->spot, fmt::format("'{}' is for training steps", name),
                      "workload: {phase: training, …}");
    if (!training) return;
    read_training(section("training"), scenario_);
    if (!scenario_.schedule.kind.empty())
      scenario_.resolved.set("schedule", resolved_choice("schedule", scenario_.schedule));
  }

  void read_parallel() { parallel_ = section("parallel"); }

  void read_plugins() {
    const std::vector<Choice*> choices = {
        &scenario_.lengths,   &scenario_.trace,          &scenario_.gate,     &scenario_.capacity,
        &scenario_.placement, &scenario_.replica,        &scenario_.exchange, &scenario_.overlap,
        &scenario_.rebalance, &scenario_.step_placement, &scenario_.cache,    &scenario_.prefetch,
        &scenario_.schedule};
    for (std::size_t i = 0; i < choices.size(); ++i) {
      const PluginSection& plugin = plugin_sections()[i];
      const YamlNode* node = root_.find(plugin.role);
      // Without MoE layers nothing is routed.
      const bool needed = plugin.fallback.empty() && !scenario_.model.moe_layers.empty();
      if (node == nullptr && needed) {
        mistakes_.add(root_.spot, fmt::format("a scenario needs '{}'", plugin.role),
                      "for example trace: {kind: lognormal, sigma: 0.8}");
        continue;
      }
      const std::string fallback = plugin.fallback.empty() ? "balanced" : plugin.fallback;
      *choices[i] = read_choice(
          plugin.role, node != nullptr ? *node : YamlNode::scalar(fallback, root_.spot), mistakes_);
      if (choices[i]->kind.empty() || (node == nullptr && !plugin.shown)) continue;
      note_files(plugin.role, *choices[i],
                 scenario_.resolved.set(plugin.role, resolved_choice(plugin.role, *choices[i])));
    }
  }

  void read_events() {
    const YamlNode* node = root_.find("events");
    if (node == nullptr) return;
    scenario_.events = read_choices(Event::kRole, "events", *node, mistakes_);
    YamlNode resolved = YamlNode::list();
    for (const Choice& event : scenario_.events) {
      resolved.items.push_back(resolved_choice(Event::kRole, event));
      note_files(Event::kRole, event, resolved.items.back());
    }
    if (!resolved.items.empty()) scenario_.resolved.set("events", std::move(resolved));
  }

  // Files that a plug-in will read, for the provenance; one that is not there is a mistake.
  void note_files(const std::string& role, const Choice& choice, YamlNode& resolved) {
    for (const Parameter& parameter : Catalog::instance().find(role, choice.kind)->parameters) {
      const Arguments& arguments = choice.arguments;
      if (parameter.type != ParameterType::kPath || !arguments.has(parameter.name)) continue;
      try {
        note_file(*resolved.find(parameter.name), "traces",
                  arguments.existing_file(parameter.name));
      } catch (const InputError& error) {
        mistakes_.add(error);
      }
    }
  }

  void note_file(YamlNode& name, const std::string& folder, const std::filesystem::path& path) {
    append_new(scenario_.inputs, {shown_path(path)});
    if (!is_preset(path, folder, name.text)) name.file = path;
  }

  // Each is a name, {preset: name, …} or inline.
  void note_calibration(YamlNode& section) {
    for (YamlNode& item : section.items) note_calibration(item);
    YamlNode* name = section.is_scalar() ? &section : section.find("preset");
    if (name != nullptr)
      note_file(*name, "calibrations", find_preset("calibrations", name->text, name->spot));
  }

  void read_calibration() {
    const YamlNode* node = root_.find("calibration");
    if (node == nullptr && !scenario_.cluster) return;  // the cluster's mistakes come first
    try {
      scenario_.calibration =
          node != nullptr ? *node : default_calibration(scenario_.cluster->gpu().name, root_.spot);
      read_calibrations(scenario_.calibration);
      note_calibration(scenario_.resolved.set("calibration", scenario_.calibration));
    } catch (const InputError& error) {
      mistakes_.add(error);
    }
  }

  void read_network() {
    NetworkSection network =
        read_network_section(section_node(root_, "network"),
                             scenario_.cluster ? scenario_.cluster->gpus() : 0, mistakes_);
    scenario_.network = network.options;
    scenario_.resolved.set("network", std::move(network.resolved));
    scenario_.resolved.set("seed", YamlNode::scalar(std::to_string(scenario_.seed)));
  }

  YamlNode root_;
  std::string name_;
  bool pool_;
  Mistakes mistakes_;
  Scenario scenario_;
  Arguments workload_, parallel_;
};

}  // namespace

Scenario read_scenario(YamlNode root, const std::string& name) {
  return Reader(std::move(root), name).read();
}

Scenario read_scenario(const std::string& path, const std::vector<std::string>& overrides) {
  YamlNode root = parse_yaml(read_source(path));
  Mistakes mistakes;
  apply_overrides(root, overrides, mistakes);
  mistakes.throw_if_any();
  return read_scenario(std::move(root), std::filesystem::path(path).stem().string());
}

}  // namespace moesim
