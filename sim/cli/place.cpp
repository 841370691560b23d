// moesim place: a placement for a file of expert loads, as a table or as a map for a server.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <memory>

#include "analysis/format.hpp"
#include "analysis/json.hpp"
#include "analysis/text_table.hpp"
#include "sim/cli/command.hpp"
#include "sim/cli/flags.hpp"
#include "sim/cli/placement_map.hpp"
#include "sim/model/imbalance.hpp"
#include "sim/model/placement_bounds.hpp"
#include "sim/placement/load_file.hpp"
#include "sim/placement/placement_policy.hpp"
#include "sim/placement/relaxation.hpp"
#include "sim/trace/trace_window.hpp"

namespace moesim {
namespace {

struct PlaceFlags {
  std::string load;
  std::vector<std::string> overrides;
  int gpus = 0;
  int nodes = 1;
  int groups = 1;
  std::uint64_t seed = 1;
  bool json = false, csv = false, markdown = false;
  std::string color = "auto";
  std::string present;  // map in use now; empty = not known
  std::string format;   // of a server; empty = ours
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

bool is_trace(const std::string& path) {
  return path.ends_with(".h5") || path.ends_with(".hdf5") || path.ends_with(".jsonl");
}

// Of a file of loads, or of a recorded trace.
LoadWindow read_window(const PlaceFlags& flags, const WindowNeeds& needs) {
  if (is_trace(flags.load)) return read_trace_window(flags.load, needs, flags.gpus);
  LoadWindow window;
  std::vector<ExpertLoad> steps = read_load_history(flags.load);
  window.load = sum_of(steps);
  if (needs.steps > 0) window.detail.steps = std::move(steps);
  return window;
}

Placement place_with(const std::string& kind, const std::string& path,
                     const PlacementRequest& request) {
  YamlNode section = YamlNode::map();
  section.set("kind", YamlNode::scalar(kind));
  if (!path.empty()) section.set("path", YamlNode::scalar(path));
  Mistakes mistakes;
  const Choice choice = read_choice("placement", section, mistakes);
  mistakes.throw_if_any();
  return Registry<PlacementPolicy>::make(choice)->place(request);
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
  LoadWindow window = read_window(flags, policy->needs());
  PlacementRequest request{.load = std::move(window.load),
                           .gpus = flags.gpus,
                           .nodes = flags.nodes,
                           .groups = flags.groups,
                           .random = Random(flags.seed),
                           .detail = std::move(window.detail),
                           .distance = hop_distance(flags.gpus, flags.nodes)};
  Placement present;
  if (!flags.present.empty()) {
    present = place_with("file", flags.present, request);
    request.present = &present;
  }
  const auto start = std::chrono::steady_clock::now();
  Placement placement = policy->place(request);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  return {std::move(request.load), std::move(placement), took.count()};
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
    const PlacementBounds bounds = placement_bounds(map, load);
    document["lower_bound"].push_back(bounds.best());
    document["bounds"]["mean_load"].push_back(bounds.mean_load);
    document["bounds"]["largest_share"].push_back(bounds.largest_share);
    document["bounds"]["relaxation"].push_back(relaxed_bound(map, load));
  }
  return document;
}

double max_over_mean_of(const LayerPlacement& map, std::span<const double> load) {
  return max_over_mean(predicted_gpu_load(map, load).raw());
}

void add_row(TextTable& table, const Placed& placed, const Placement& linear, LayerId layer) {
  const auto load = placed.load.row(layer);
  const LayerPlacement& map = placed.placement.layers[layer];
  const std::vector<double> gpu_load = predicted_gpu_load(map, load).raw();
  const auto hottest = std::max_element(load.begin(), load.end()) - load.begin();
  const double scale = mean(gpu_load) > 0 ? mean(gpu_load) : 1;
  const double bound =
      std::max(placement_bounds(map, load).best(), relaxed_bound(map, load)) / scale;
  const double before = max_over_mean_of(linear.layers[layer], load);
  const double after = max_over_mean(gpu_load);
  const auto gpu = std::max_element(gpu_load.begin(), gpu_load.end()) - gpu_load.begin();
  const auto copies = map.slots_of[ExpertId(static_cast<int>(hottest))].size();
  table.add({std::to_string(layer.value),
             {format_number(before), before},
             {format_number(after), after},
             {"", after > 0 ? (after - 1) / (before - 1) : 0},
             {format_number(bound), bound},
             {fmt::format("GPU {}", gpu), static_cast<double>(gpu)},
             {fmt::format("{}", hottest), static_cast<double>(hottest)},
             {fmt::format("{}", copies), static_cast<double>(copies)}});
}

Placement linear_of(const PlaceFlags& flags, const Placed& placed) {
  return place_with("linear", "", {.load = placed.load, .gpus = flags.gpus, .nodes = flags.nodes});
}

TextTable layers_table(const PlaceFlags& flags, const Placed& placed) {
  TextTable table({{"layer", true},
                   {"linear", true, 0, "linear_max_over_mean", 8},
                   {"placed", true, 0, "max_over_mean", 8},
                   {.bar = true},
                   {"bound", true, 0, "lower_bound", 8},
                   {"hottest", true, 1, "hottest_gpu"},
                   {"top expert", true, 3, "top_expert"},
                   {"copies", true, 2, "copies"}});
  const Placement linear = linear_of(flags, placed);
  for (const LayerId layer : placed.placement.layers.ids()) add_row(table, placed, linear, layer);
  return table;
}

void print_table(const PlaceFlags& flags, const Placed& placed) {
  const Screen screen = stdout_screen(flags.color);
  const LayerPlacement& first = placed.placement.layers[LayerId(0)];
  const Placement linear = linear_of(flags, placed);
  double before = 0, after = 0;
  for (const LayerId layer : placed.placement.layers.ids()) {
    before += max_over_mean_of(linear.layers[layer], placed.load.row(layer));
    after += max_over_mean_of(placed.placement.layers[layer], placed.load.row(layer));
  }
  const auto layers = static_cast<double>(placed.load.rows());
  const auto prose = [&](const std::string& text) {
    return wrap(screen.shown(text), screen.prose(), "  ") + "\n";
  };
  fmt::print("{}\n{}\n",
             prose(fmt::format("{} layers of {} experts in {} slots on {} GPUs. Largest GPU load "
                               "over the mean:",
                               placed.load.rows(), first.experts(), first.slots(), flags.gpus)),
             layers_table(flags, placed).text(screen));
  fmt::print(
      "{}{}",
      prose(fmt::format("mean of the layers: linear {}, placed {}", format_number(before / layers),
                        format_number(after / layers))),
      prose("linear: experts in order, no copies. bars: what is left of linear's excess over "
            "the mean. bound: no map with these copies is below it."));
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
  if (flags.csv || flags.markdown) {
    const TextTable table = layers_table(flags, placed);
    fmt::print("{}", flags.csv ? table.csv() : table.markdown());
  } else if (flags.json) {
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
                 "CSV step,layer,expert,count, or a trace (.h5, .jsonl)")
      ->required();
  add_repeatable(app, "--set", flags.overrides, "KEY=VALUE",
                 "placement.kind=KIND (default: eplb), placement.redundant=N, … (repeatable)");
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
  app.add_option("--present", flags.present, "FILE: the map in use, for policies that change it");
  auto* json = app.add_flag("--json", flags.json, "print one JSON document on stdout");
  auto* format = app.add_option("--format", flags.format, "write the map for this server")
                     ->check(CLI::IsMember(server_formats()));
  json->excludes(format);
  declare_table_forms(app, flags.csv, flags.markdown);
  declare_color(app, flags.color);
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
