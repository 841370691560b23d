// moesim place: a placement for a file of expert loads, as a table or as a map for a server.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <memory>

#include "analysis/format.hpp"
#include "analysis/json.hpp"
#include "sim/cli/command.hpp"
#include "sim/cli/placement_map.hpp"
#include "sim/model/imbalance.hpp"
#include "sim/placement/load_file.hpp"
#include "sim/placement/placement_policy.hpp"
#include "sim/trace/trace_load.hpp"

namespace moesim {
namespace {

struct PlaceFlags {
  std::string load;
  std::vector<std::string> overrides;
  int gpus = 0;
  int nodes = 1;
  int groups = 1;
  std::uint64_t seed = 1;
  bool json = false;
  std::string format;  // of a server; empty = ours
  MapNames names;
  std::string out;
};

Spot flag_spot(const std::string& flag, const std::string& value) {
  return {text_source(flag, value, true), 0, 0};
}

// The placement section of the overrides, read as a scenario's would be.
Choice placement_choice(const PlaceFlags& flags) {
  YamlNode root = YamlNode::map();
  root.set("placement", YamlNode::map()).set("kind", YamlNode::scalar("eplb"));
  for (const std::string& override : flags.overrides) apply_override(root, override);
  Mistakes mistakes;
  for (const NodeEntry& entry : root.entries)
    if (entry.key != "placement")
      mistakes.add(entry.spot, fmt::format("place has no use for '{}'", entry.key),
                   "it takes placement.kind and the parameters of the kind");
  Choice choice = read_choice("placement", *root.find("placement"), mistakes);
  mistakes.throw_if_any();
  if (choice.arguments.given("load"))
    throw InputError(choice.arguments.spot("load"), "the load file is the argument of place");
  return choice;
}

// Of a recorded trace, or of a file of loads.
ExpertLoad read_load(const std::string& path) {
  return path.ends_with(".h5") ? read_trace_load(path).counts : read_load_file(path);
}

struct Placed {
  ExpertLoad load;
  Placement placement;
  double seconds = 0;  // that placing took here
};

Placed place(const PlaceFlags& flags) {
  if (flags.gpus % flags.nodes != 0)
    throw InputError(flag_spot("--nodes", std::to_string(flags.nodes)),
                     fmt::format("{} GPUs do not divide over {} nodes", flags.gpus, flags.nodes));
  const auto policy = Registry<PlacementPolicy>::make(placement_choice(flags));
  Placed placed{.load = read_load(flags.load)};
  const auto start = std::chrono::steady_clock::now();
  placed.placement = policy->place({.load = placed.load,
                                    .gpus = flags.gpus,
                                    .nodes = flags.nodes,
                                    .groups = flags.groups,
                                    .random = Random(flags.seed)});
  placed.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return placed;
}

// No placement with these copies can have a lower largest GPU load: some GPU has at least the mean,
// and some GPU holds a whole copy.
double lower_bound(const LayerPlacement& layer, std::span<const double> load,
                   std::span<const double> gpu_load) {
  double bound = mean(gpu_load);
  for (const ExpertId expert : layer.slots_of.ids())
    bound =
        std::max(bound, load[expert.index()] / static_cast<double>(layer.slots_of[expert].size()));
  return bound;
}

Json document_of(const Placed& placed) {
  Json document = map_document(placed.placement);
  for (const char* key : {"gpu_load", "max_over_mean", "lower_bound"})
    document[key] = Json::array();
  for (const LayerId layer : placed.placement.layers.ids()) {
    const auto load = placed.load.row(layer);
    const LayerPlacement& map = placed.placement.layers[layer];
    const std::vector<double> gpu_load = predicted_gpu_load(map, load).raw();
    document["gpu_load"].push_back(gpu_load);
    document["max_over_mean"].push_back(
        mean(gpu_load) > 0 ? Json(maximum(gpu_load) / mean(gpu_load)) : Json(nullptr));
    document["lower_bound"].push_back(lower_bound(map, load, gpu_load));
  }
  return document;
}

void print_row(const Placed& placed, const Placement& linear, LayerId layer) {
  const auto load = placed.load.row(layer);
  const LayerPlacement& map = placed.placement.layers[layer];
  const std::vector<double> gpu_load = predicted_gpu_load(map, load).raw();
  const auto hottest = std::max_element(load.begin(), load.end()) - load.begin();
  const double scale = mean(gpu_load) > 0 ? mean(gpu_load) : 1;
  fmt::print(
      "{:>5}  {:>8}  {:>8}  {:>8}  {:>7}  {:>6} × {}\n", layer.value,
      format_number(max_over_mean(predicted_gpu_load(linear.layers[layer], load).raw())),
      format_number(max_over_mean(gpu_load)),
      format_number(lower_bound(map, load, gpu_load) / scale),
      fmt::format("GPU {}", std::max_element(gpu_load.begin(), gpu_load.end()) - gpu_load.begin()),
      fmt::format("{}", hottest), map.slots_of[ExpertId(static_cast<int>(hottest))].size());
}

void print_table(const PlaceFlags& flags, const Placed& placed) {
  Mistakes none;
  const auto linear =
      Registry<PlacementPolicy>::make(read_choice("placement", YamlNode::scalar("linear"), none))
          ->place({.load = placed.load, .gpus = flags.gpus, .nodes = flags.nodes});
  const LayerPlacement& first = placed.placement.layers[LayerId(0)];
  fmt::print("{} layers of {} experts in {} slots on {} GPUs. Largest GPU load over the mean:\n\n",
             placed.load.rows(), first.experts(), first.slots(), flags.gpus);
  fmt::print("layer    linear    placed     bound  hottest  top expert × copies\n");
  double before = 0, after = 0;
  for (const LayerId layer : placed.placement.layers.ids()) {
    print_row(placed, linear, layer);
    const auto load = placed.load.row(layer);
    before += max_over_mean(predicted_gpu_load(linear.layers[layer], load).raw());
    after += max_over_mean(predicted_gpu_load(placed.placement.layers[layer], load).raw());
  }
  const auto layers = static_cast<double>(placed.load.rows());
  fmt::print(" mean  {:>8}  {:>8}\n\n", format_number(before / layers),
             format_number(after / layers));
  fmt::print("linear: experts in order, no copies. bound: no map with these copies is below it.\n");
}

int run(const PlaceFlags& flags) {
  const Placed placed = place(flags);
  Json document = document_of(placed);
  const std::string map = flags.format.empty()
                              ? document.dump() + "\n"
                              : server_map(flags.format, placed.placement, flags.names);
  if (!flags.out.empty()) {
    std::ofstream file(flags.out);
    if (!(file << map << std::flush))
      throw InputError(flag_spot("--out", flags.out), "cannot write this file");
  }
  if (flags.json) {
    document["seconds"] = placed.seconds;
    fmt::print("{}\n", document.dump());
  } else if (!flags.format.empty() && flags.out.empty()) {
    fmt::print("{}", map);
  } else {
    print_table(flags, placed);
    if (!flags.out.empty()) fmt::print("written to {}\n", flags.out);
  }
  return kExitDone;
}

void declare(CLI::App& app, PlaceFlags& flags) {
  app.add_option("LOAD", flags.load,
                 "expert loads: JSON [layers][experts] or with such a field, "
                 "CSV step,layer,expert,count, or a trace (.h5)")
      ->required();
  app.add_option("--set", flags.overrides,
                 "placement.kind=KIND (default: eplb), placement.redundant=N, … (repeatable)")
      ->type_name("KEY=VALUE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false);
  app.add_option("--gpus", flags.gpus, "GPUs that share the experts")
      ->required()
      ->check(CLI::PositiveNumber);
  app.add_option("--nodes", flags.nodes, "nodes that the GPUs are on")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--groups", flags.groups, "expert groups of the model")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--seed", flags.seed, "of random placements")->capture_default_str();
  auto* json = app.add_flag("--json", flags.json, "print one JSON document on stdout");
  auto* format = app.add_option("--format", flags.format, "write the map for this server")
                     ->check(CLI::IsMember(server_formats()));
  json->excludes(format);
  app.add_option("--model-name", flags.names.model, "model name in a map for vllm")
      ->capture_default_str();
  app.add_option("--first-layer", flags.names.first_layer,
                 "number of the first MoE layer in a map for trtllm or vllm-ascend")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("-o,--out", flags.out, "FILE to write the map to");
}

const RegisterCommand kPlace("place",
                             {"place experts for a file of measured loads", [](CLI::App& app) {
                                auto flags = std::make_shared<PlaceFlags>();
                                declare(app, *flags);
                                return [flags] { return run(*flags); };
                              }});

}  // namespace
}  // namespace moesim
