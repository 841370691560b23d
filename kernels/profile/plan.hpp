// The plan of a sweep, as `moesim profile` writes it: JSON lines, first the options, then a line
// for each measurement to make.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <vector>

namespace moesim::kernels {

using Json = nlohmann::ordered_json;

struct Plan {
  Json options;              // the axes, for the file's header
  double noise = 0.01;       // half width of the median's 95 % interval at which a point is done
  double time_limit = 0;     // seconds, of the sweep
  std::uint64_t seed = 1;    // of inputs
  std::vector<Json> points;  // samples of the measurement file without results
};

// Throws std::runtime_error where it cannot be read.
Plan read_plan(const std::filesystem::path& file);

}  // namespace moesim::kernels
