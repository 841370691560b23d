// Where presets and files named in a scenario are found.
//
// Presets live in `scenarios/` beside the program (or one level above a build folder), then in
// $MOESIM_SCENARIOS: models/NAME.yaml, clusters/NAME.yaml, calibrations/NAME.yaml, traces/FILE.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "sim/base/error.hpp"

namespace moesim {

// The folders that hold presets, in the order they are searched.
std::vector<std::filesystem::path> preset_roots();

// The names of the presets of a folder such as "models", sorted.
std::vector<std::string> preset_names(const std::string& folder);

// The file of a preset by its name, as in `model: deepseek-v3`, or else the path of a file,
// relative to the file it is written in. Throws InputError at `spot` with the nearest preset name.
std::filesystem::path find_preset(const std::string& folder, const std::string& name,
                                  const Spot& spot);

// A file named in a scenario: absolute, relative to the file it is written in, or in a preset
// folder. Throws InputError at `spot`.
std::filesystem::path find_file(const std::string& name, const Spot& spot,
                                const std::string& preset_folder);

// Whether `path` was found as the preset `name` of a folder, not as a file of the user's.
bool is_preset(const std::filesystem::path& path, const std::string& folder,
               const std::string& name);

// How a file found by the above is shown in messages and results: never absolute for a preset.
std::string shown_path(const std::filesystem::path& path);

// The file that shown_path() names so.
std::filesystem::path file_of_shown(const std::string& shown);

}  // namespace moesim
