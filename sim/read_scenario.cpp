#include "sim/read_scenario.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sim/base/presets.hpp"
#include "sim/calibration/calibration.hpp"
#include "sim/model/model_reader.hpp"
#include "sim/topology/cluster_reader.hpp"

namespace moesim {
namespace {

constexpr int kLargestFluid = 512;  // GPUs; above, aggregated is the default (DESIGN §5)

const std::vector<Parameter>& section_parameters(const std::string& name) {
  for (const auto& [section, parameters] : scenario_sections())
    if (section == name) return parameters;
  MOESIM_CHECK(false, "every section that is read is declared");
  return scenario_sections().front().second;
}

// The section's node; an empty map at the scenario's own place where it is not written.
YamlNode section_node(const YamlNode& root, const std::string& name) {
  if (const YamlNode* node = root.find(name)) return *node;
  YamlNode empty = YamlNode::map();
  empty.spot = root.spot;
  return empty;
}

template <class Enum>
Enum choice_of(const Arguments& arguments, const std::string& name,
               const std::vector<std::string>& names) {
  const auto found = std::find(names.begin(), names.end(), arguments.text(name));
  return static_cast<Enum>(found == names.end() ? 0 : found - names.begin());
}

// A value that was worked out, where its declaration stands: so that a resolved section stays the
// same when it is read again.
void set_first(YamlNode& section, const std::string& key, const std::string& text) {
  std::erase_if(section.entries, [&](const NodeEntry& entry) { return entry.key == key; });
  section.entries.insert(section.entries.begin(),
                         NodeEntry{.key = key, .spot = {}, .value = YamlNode::scalar(text)});
}

// Reads the sections one after the other into a Scenario and its resolved tree.
class Reader {
 public:
  Reader(YamlNode root, std::string name) : root_(std::move(root)), name_(std::move(name)) {}

  Scenario read() {
    if (!root_.is_map())
      throw InputError(root_.spot, "a scenario must be a section of keys and values");
    refuse_reserved();
    read_top();
    read_model();
    read_cluster_section();
    read_workload();
    read_parallel();
    read_plugins();
    read_calibration();
    read_network();
    if (mistakes_.empty()) check_across();
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

  void refuse_reserved() {
    for (const char* name : {"pools", "requests", "events"})
      if (root_.find(name) != nullptr)
        mistakes_.add(root_.find(name)->spot,
                      fmt::format("'{}' is reserved for a later version of moesim", name));
  }

  void read_top() {
    std::vector<std::string> sections = {"workload", "parallel", "network",
                                         "pools",    "requests", "events"};
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
      note_inputs(model.inputs);
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
      scenario_.cluster = std::make_shared<const Cluster>(build_cluster(cluster));
      scenario_.resolved.set("cluster", std::move(cluster.resolved));
      note_inputs(cluster.inputs);
    } catch (const InputError& error) {
      mistakes_.add(error);
    }
  }

  void note_inputs(const std::vector<std::string>& files) {
    scenario_.inputs.insert(scenario_.inputs.end(), files.begin(), files.end());
  }

  void read_workload() {
    workload_ = section("workload");
    if (!workload_.has("tokens_per_gpu")) return;
    scenario_.workload_spot = workload_.spot("tokens_per_gpu");
    scenario_.workload = {
        .phase = choice_of<WorkloadPhase>(workload_, "phase", {"prefill", "decode"}),
        .tokens_per_gpu = workload_.integer("tokens_per_gpu"),
        .context = workload_.integer("context"),
        .steps = workload_.integer("steps"),
        .warmup_steps = workload_.integer("warmup_steps"),
        .routing = choice_of<RoutingChoice>(workload_, "routing", {"auto", "ids", "counts"})};
  }

  void read_parallel() {
    parallel_ = section("parallel");
    scenario_.parallel = {.ep = parallel_.has("ep") ? parallel_.integer("ep") : 0,
                          .tp = parallel_.integer("tp"),
                          .pp = parallel_.integer("pp"),
                          .etp = parallel_.integer("etp")};
  }

  void read_plugins() {
    const std::vector<Choice*> choices = {
        &scenario_.trace,   &scenario_.gate,     &scenario_.capacity, &scenario_.placement,
        &scenario_.replica, &scenario_.exchange, &scenario_.overlap,  &scenario_.rebalance};
    for (std::size_t i = 0; i < choices.size(); ++i) {
      const PluginSection& plugin = plugin_sections()[i];
      const YamlNode* node = root_.find(plugin.role);
      if (node == nullptr && plugin.fallback.empty()) {
        mistakes_.add(root_.spot, fmt::format("a scenario needs '{}'", plugin.role),
                      "for example trace: {kind: lognormal, sigma: 0.8}");
        continue;
      }
      YamlNode fallback = YamlNode::scalar(plugin.fallback);
      fallback.spot = root_.spot;
      *choices[i] = read_choice(plugin.role, node != nullptr ? *node : fallback, mistakes_);
      if (choices[i]->kind.empty()) continue;
      scenario_.resolved.set(plugin.role, resolved_choice(plugin.role, *choices[i]));
      note_files(plugin.role, *choices[i]);
    }
  }

  // Files that a plug-in will read, for the provenance; one that is not there is a mistake.
  void note_files(const std::string& role, const Choice& choice) {
    for (const Parameter& parameter : Catalog::instance().find(role, choice.kind)->parameters) {
      const Arguments& arguments = choice.arguments;
      if (parameter.type != ParameterType::kPath || !arguments.has(parameter.name)) continue;
      try {
        note_inputs({shown_path(arguments.existing_file(parameter.name, "traces"))});
      } catch (const InputError& error) {
        mistakes_.add(error);
      }
    }
  }

  void read_calibration() {
    const YamlNode* node = root_.find("calibration");
    if (node == nullptr && !scenario_.cluster) return;  // the cluster's mistakes come first
    try {
      scenario_.calibration = node != nullptr ? *node : default_calibration();
      read_calibrations(scenario_.calibration);
    } catch (const InputError& error) {
      mistakes_.add(error);
    }
    scenario_.resolved.set("calibration", scenario_.calibration);
  }

  // The preset that was measured on the cluster's GPU.
  YamlNode default_calibration() {
    const std::string& gpu = scenario_.cluster->gpu().name;
    for (const std::string& name : preset_names("calibrations")) {
      if (read_calibration_file(name, root_.spot).gpu.name != gpu) continue;
      YamlNode node = YamlNode::scalar(name);
      node.spot = root_.spot;
      return node;
    }
    throw InputError(root_.spot, fmt::format("no calibration was measured on a {}", gpu),
                     "name one and scale it: calibration: {preset: h200-sxm, transfer: datasheet}");
  }

  void read_network() {
    const Arguments network = section("network");
    NetworkOptions& options = scenario_.network;
    const int gpus = scenario_.cluster ? scenario_.cluster->gpus() : 0;
    options.fidelity = gpus > kLargestFluid ? Fidelity::kAggregated : Fidelity::kFluid;
    if (network.has("fidelity"))
      options.fidelity = choice_of<Fidelity>(
          network, "fidelity", {std::begin(kFidelityNames), std::end(kFidelityNames)});
    if (options.fidelity == Fidelity::kPairwise && gpus > kLargestPairwise &&
        !network.flag("force"))
      mistakes_.add(
          network.spot("fidelity"),
          fmt::format("pairwise is refused above {} GPUs; there are {}", kLargestPairwise, gpus),
          "use fluid, or set network.force: true");
    options.tolerance = network.number("tolerance");
    options.force = network.flag("force");
    if (network.has("routing"))
      options.routing = choice_of<RouteRule>(network, "routing", {"direct", "pxn", "source_rail"});
    YamlNode& resolved = *scenario_.resolved.find("network");
    set_first(resolved, "fidelity", to_string(options.fidelity));
    if (network.has("schedule")) read_schedule(network.tree("schedule"), resolved);
    scenario_.resolved.set("seed", YamlNode::scalar(std::to_string(scenario_.seed)));
  }

  void read_schedule(const YamlNode& node, YamlNode& resolved) {
    const auto& parameters = section_parameters("network.schedule");
    const Arguments schedule =
        read_arguments(node, parameters, mistakes_, "section 'network.schedule'");
    scenario_.network.schedule = {
        .window = schedule.integer("window"),
        .order = choice_of<PeerOrder>(schedule, "order", {"shifted", "ascending", "random"})};
    resolved.set("schedule", resolved_section(schedule, parameters));
  }

  void check_across() {
    const int gpus = scenario_.cluster->gpus();
    Parallel& parallel = scenario_.parallel;
    if (parallel.ep == 0) parallel.ep = gpus;
    for (const char* name : {"tp", "pp", "etp"})
      if (parallel_.integer(name) != 1)
        mistakes_.add(parallel_.spot(name), fmt::format("{} above 1 is not simulated yet", name),
                      "this version knows data-parallel attention with expert parallelism");
    if (parallel.ep != gpus)
      mistakes_.add(parallel_.spot("ep"),
                    fmt::format("ep is {}, but the cluster has {} GPUs", parallel.ep, gpus),
                    "this version has one expert-parallel group: set ep or cluster.nodes so that "
                    "they agree");
    set_first(*scenario_.resolved.find("parallel"), "ep", std::to_string(parallel.ep));
    if (scenario_.model.moe_layers.empty())
      mistakes_.add(root_.find("model")->spot, "the model has no MoE layer");
  }

  YamlNode root_;
  std::string name_;
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
  for (const std::string& assignment : overrides) {
    try {
      apply_override(root, assignment);
    } catch (const InputError& error) {
      mistakes.add(error);
    }
  }
  mistakes.throw_if_any();
  return read_scenario(std::move(root), std::filesystem::path(path).stem().string());
}

}  // namespace moesim
