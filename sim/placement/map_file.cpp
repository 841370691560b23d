#include "sim/placement/map_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "sim/base/parameter.hpp"
#include "sim/base/presets.hpp"

namespace moesim {
namespace {

int read_id(const YamlNode& node) {
  if (!node.is_scalar()) throw InputError(node.spot, "expected an expert id");
  const double value = parse_number(node.text, node.spot);
  if (value != std::floor(value) || value < 0 || value > 1e6)
    throw InputError(node.spot, fmt::format("'{}' is not an expert id", node.text));
  return static_cast<int>(value);
}

std::vector<int> read_ids(const YamlNode& node) {
  if (!node.is_list()) throw InputError(node.spot, "expected a list of expert ids");
  std::vector<int> ids;
  for (const YamlNode& item : node.items) ids.push_back(read_id(item));
  return ids;
}

const YamlNode& need(const YamlNode& node, const std::string& key) {
  const YamlNode* found = node.find(key);
  if (found == nullptr) throw InputError(node.spot, fmt::format("'{}' is missing", key));
  return *found;
}

const std::vector<YamlNode>& need_list(const YamlNode& node) {
  if (!node.is_list()) throw InputError(node.spot, "expected a list");
  return node.items;
}

std::vector<MapRow> read_rows(const YamlNode& list) {
  std::vector<MapRow> rows;
  for (const YamlNode& row : need_list(list))
    rows.push_back({.experts = read_ids(row), .spot = row.spot});
  return rows;
}

std::vector<MapRow> read_model_maps(const YamlNode& maps, const std::string& model) {
  std::vector<std::string> names;
  for (const NodeEntry& entry : maps.entries) names.push_back(entry.key);
  const YamlNode* chosen =
      model.empty() && names.size() == 1 ? &maps.entries.front().value : maps.find(model);
  if (chosen == nullptr)
    throw InputError(maps.spot,
                     model.empty() ? "the file has maps of several models: name one with 'model'"
                                   : fmt::format("the file has no map of model '{}'", model),
                     hint_for(model, names));
  return read_rows(need(*chosen, "physical_to_logical_map"));
}

// Layers by number, as the keys say.
std::vector<MapRow> read_assignments(const YamlNode& layers) {
  std::vector<std::pair<double, MapRow>> rows;
  for (const NodeEntry& entry : layers.entries)
    rows.emplace_back(parse_number(entry.key, entry.spot),
                      MapRow{.experts = read_ids(entry.value), .spot = entry.value.spot});
  std::stable_sort(rows.begin(), rows.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<MapRow> sorted;
  for (auto& [layer, row] : rows) sorted.push_back(std::move(row));
  return sorted;
}

// Items of a list of maps, by their number under `key`.
std::vector<const YamlNode*> sorted_by(const YamlNode& list, const std::string& key) {
  std::vector<std::pair<double, const YamlNode*>> numbered;
  for (const YamlNode& item : need_list(list)) {
    const YamlNode& number = need(item, key);
    numbered.emplace_back(parse_number(number.text, number.spot), &item);
  }
  std::stable_sort(numbered.begin(), numbered.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<const YamlNode*> items;
  for (const auto& [number, item] : numbered) items.push_back(item);
  return items;
}

std::vector<MapRow> read_layer_list(const YamlNode& list) {
  std::vector<MapRow> rows;
  for (const YamlNode* layer : sorted_by(list, "layer_id")) {
    MapRow row{.first_slot = {0}, .spot = layer->spot};
    for (const YamlNode* device : sorted_by(need(*layer, "device_list"), "device_id")) {
      const std::vector<int> experts = read_ids(need(*device, "device_expert"));
      row.experts.insert(row.experts.end(), experts.begin(), experts.end());
      row.first_slot.push_back(static_cast<int>(row.experts.size()));
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace

std::vector<MapRow> read_map_file(const std::filesystem::path& path, const std::string& model) {
  const YamlNode root = parse_yaml(read_source(path, shown_path(path)));
  if (const YamlNode* map = root.find("phy2log")) return read_rows(*map);
  if (const YamlNode* map = root.find("physical_to_logical_map")) return read_rows(*map);
  if (const YamlNode* maps = root.find("model_maps")) return read_model_maps(*maps, model);
  if (const YamlNode* layers = root.find("initial_global_assignments"))
    return read_assignments(*layers);
  if (const YamlNode* list = root.find("layer_list")) return read_layer_list(*list);
  throw InputError(root.spot, "this is not a placement map",
                   "known keys: phy2log, physical_to_logical_map (SGLang), model_maps (vLLM), "
                   "initial_global_assignments (TensorRT-LLM), layer_list (vllm-ascend)");
}

}  // namespace moesim
