// Placement maps as serving engines write them.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "sim/base/yaml.hpp"

namespace moesim {

// A map as read: the expert of every slot, slots GPU by GPU.
struct MapRow {
  std::vector<int> experts;     // [slots]
  std::vector<int> first_slot;  // [gpus + 1]; empty where the file does not say
  Spot spot;
};

// Reads the rows of the layers, in order. Forms, told apart by their keys:
//   {"phy2log": [[…]]}                                      ours
//   {"physical_to_logical_map": [[…]]}                      SGLang
//   {"version": 2, "model_maps": {NAME: {"physical_to_logical_map": [[…]]}}}   a fork of vLLM
//   initial_global_assignments: {LAYER: […]}                TensorRT-LLM (YAML)
//   {"layer_list": [{"device_list": [{"device_expert": […]}]}]}                vllm-ascend
// `model` chooses among model_maps; it may be empty where there is one. Throws InputError at the
// place in the file.
std::vector<MapRow> read_map_file(const std::filesystem::path& path, const std::string& model);

}  // namespace moesim
