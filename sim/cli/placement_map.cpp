#include "sim/cli/placement_map.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "sim/base/error.hpp"
#include "sim/base/yaml.hpp"

namespace moesim {
namespace {

std::vector<int> experts_of(const LayerPlacement& layer) {
  std::vector<int> experts;
  for (const ExpertId expert : layer.expert_of) experts.push_back(expert.value);
  return experts;
}

Json phy2log(const Placement& placement) {
  Json rows = Json::array();
  for (const LayerPlacement& layer : placement.layers) rows.push_back(experts_of(layer));
  return rows;
}

std::string trtllm_map(const Placement& placement, const MapNames& names) {
  const LayerPlacement& first = placement.layers[LayerId(0)];
  std::string text = fmt::format("num_slots: {}\nep_size: {}\ninitial_global_assignments:\n",
                                 first.slots(), first.gpus());
  for (const LayerId layer : placement.layers.ids())
    text += fmt::format("  {}: [{}]\n", names.first_layer + layer.value,
                        fmt::join(experts_of(placement.layers[layer]), ", "));
  return text + "layer_updates_per_iter: 0\n";
}

Json ascend_layer(const LayerPlacement& layer, int number) {
  const std::vector<int> experts = experts_of(layer);
  Json devices = Json::array();
  for (int gpu = 0; gpu < layer.gpus(); ++gpu) {
    const auto g = static_cast<std::size_t>(gpu);
    devices.push_back(
        {{"device_id", gpu},
         {"device_expert", std::vector<int>(experts.begin() + layer.first_slot[g],
                                            experts.begin() + layer.first_slot[g + 1])}});
  }
  return {{"layer_id", number}, {"device_count", layer.gpus()}, {"device_list", devices}};
}

Json ascend_map(const Placement& placement, const MapNames& names) {
  Json layers = Json::array();
  for (const LayerId layer : placement.layers.ids())
    layers.push_back(ascend_layer(placement.layers[layer], names.first_layer + layer.value));
  return {{"moe_layer_count", placement.layers.size()}, {"layer_list", layers}};
}

void check_even(const std::string& format, const Placement& placement) {
  for (const LayerPlacement& layer : placement.layers)
    if (layer.slots() % layer.gpus() != 0)
      throw InputError({text_source("--format", format, true), 0, 0},
                       fmt::format("{} wants the same number of slots on every GPU: {} slots do "
                                   "not divide over {} GPUs",
                                   format, layer.slots(), layer.gpus()),
                       fmt::format("placement.redundant: {} more would",
                                   layer.gpus() - layer.slots() % layer.gpus()));
}

}  // namespace

Json map_document(const Placement& placement) {
  std::size_t width = 1;
  for (const LayerPlacement& layer : placement.layers)
    for (const auto& slots : layer.slots_of) width = std::max(width, slots.size());
  Json log2phy = Json::array(), logcnt = Json::array();
  for (const LayerPlacement& layer : placement.layers) {
    Json rows = Json::array(), counts = Json::array();
    for (const auto& slots : layer.slots_of) {
      std::vector<int> row;
      for (const SlotId slot : slots) row.push_back(slot.value);
      row.resize(width, -1);
      rows.push_back(row);
      counts.push_back(slots.size());
    }
    log2phy.push_back(std::move(rows));
    logcnt.push_back(std::move(counts));
  }
  return {{"phy2log", phy2log(placement)}, {"log2phy", log2phy}, {"logcnt", logcnt}};
}

std::vector<std::string> server_formats() { return {"sglang", "trtllm", "vllm", "vllm-ascend"}; }

std::string server_map(const std::string& format, const Placement& placement,
                       const MapNames& names) {
  if (format == "vllm-ascend") return ascend_map(placement, names).dump() + "\n";
  check_even(format, placement);
  if (format == "trtllm") return trtllm_map(placement, names);
  const Json map = {{"physical_to_logical_map", phy2log(placement)}};
  if (format == "sglang") return map.dump() + "\n";
  return Json{{"version", 2}, {"model_maps", {{names.model, map}}}}.dump() + "\n";
}

}  // namespace moesim
