// Placement maps as JSON, and as serving engines read them.
#pragma once

#include <string>
#include <vector>

#include "analysis/json.hpp"
#include "sim/model/placement.hpp"

namespace moesim {

// phy2log [layers][slots], log2phy [layers][experts][copies] padded with −1 to the widest of all
// layers, logcnt [layers][experts].
Json map_document(const Placement& placement);

// What a server's map says beside the slots.
struct MapNames {
  std::string model = "model";  // vllm
  int first_layer = 0;          // number of the first MoE layer: trtllm, vllm-ascend
};

std::vector<std::string> server_formats();  // sglang, trtllm, vllm, vllm-ascend

// The text of the map. Throws InputError where the format wants the same number of slots on every
// GPU and the placement has not.
std::string server_map(const std::string& format, const Placement& placement,
                       const MapNames& names);

}  // namespace moesim
