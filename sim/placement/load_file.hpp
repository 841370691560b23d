// Files of expert loads: what a placement is made for.
#pragma once

#include <filesystem>
#include <vector>

#include "sim/model/placement.hpp"

namespace moesim {

// Tokens per expert [layers × experts], summed over the steps of the file. Forms:
//   [layers][experts], [steps][layers][experts] or [experts] in JSON, alone or as the field
//   `weight` or `logical_count` of an object (SGLang);
//   {"load_history": [{"logical_expert_load": [layers][experts]}, …]} in JSON (EPLB search tools);
//   CSV with the columns layer (or layer_id), expert (or expert_id), count, and any others.
// Layers of a CSV are those that occur, in ascending order. Throws InputError at the place.
ExpertLoad read_load_file(const std::filesystem::path& path);

// Likewise step by step; a file without steps has one. A CSV has them in its column `step`.
std::vector<ExpertLoad> read_load_history(const std::filesystem::path& path);

}  // namespace moesim
