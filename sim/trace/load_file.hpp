// Files that say how often each expert of some layers was asked for: a small JSON or CSV.
//
// JSON: `{"cases": [{"model", "domain", "num_experts", "topk", "layers", "counts_topk"}]}` (such as
// real_expert_loads.json), or `[layers][experts]`, or an object with such a field `weight` or
// `logical_count` (which may have steps before the layers: they are added up).
// CSV: columns `layer` (or layer_slot, layer_id), `expert` (expert_id), `count` (token_count);
// optional `step` (added up), `model`, and `domain` (dataset).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "sim/base/error.hpp"
#include "sim/model/placement.hpp"

namespace moesim {

struct MeasuredLoad {
  std::string model, domain;  // empty: not said
  std::vector<int> layers;    // of the recorded model, ascending; as many as `counts` has rows
  ExpertLoad counts;          // ≥ 0, no row all 0
};

// All cases of a file, in its order. `shown` is the file's name in messages. Throws InputError.
std::vector<MeasuredLoad> read_measured_loads(const std::filesystem::path& path,
                                              const std::string& shown);

}  // namespace moesim
