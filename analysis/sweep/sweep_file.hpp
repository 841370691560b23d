// A sweep: one scenario with keys varied over a grid, a list, or both (YAML).
//
//   scenario: policy_lab_decode.yaml             a path, relative to this file
//   set: {workload.steps: 2}                     keys of every point
//   matrix:                                      all combinations; the last key changes fastest
//     placement: [linear, lpt, {kind: eplb, redundant: 32}]
//     workload.tokens_per_gpu: 16:128:x2         or LO:HI:STEP, or a list, also of ranges
//   exclude:                                     combinations that are left out; a list: any of it
//     - {placement: linear, workload.tokens_per_gpu: [64, 128]}
//   include:                                     adds its other keys to the combinations that have
//     - {placement: lpt, replica: hash}          those of the matrix that it names; where there is
//                                                none, it is a point of its own
//   list: [{trace.sigma: 2}]                     further points
//   seeds: 3                                     so many in a row, or a list
//
// Keys are those of `--set`. A sweep overrides the scenario's file as `--set` does: a value for
// `placement` takes the place of the whole section.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "sim/base/parameter.hpp"

namespace moesim {

// `key: value`, wherever it is written.
struct SweepSetting {
  std::string key;
  Spot spot;  // of the key
  YamlNode value;
};

struct SweepEntry {
  Spot spot;
  std::vector<SweepSetting> settings;
};

struct SweepAxis {
  std::string key;
  Spot spot;
  std::vector<YamlNode> values;  // at least one
};

struct SweepFile {
  std::string name;
  std::filesystem::path scenario;
  Spot spot;                           // of the grid, or of the file
  std::vector<SweepSetting> settings;  // of every point
  std::vector<SweepAxis> matrix;
  std::vector<SweepEntry> exclude, include, list;
  int seed_count = 1;                // from the scenario's seed on …
  std::vector<std::uint64_t> seeds;  // … unless these are given
};

// The keys of the file, for documents and completion.
const std::vector<Parameter>& sweep_parameters();

// `shown` is the file's name in messages (default: the path as given). Throws InputError with all
// mistakes of the file that can be seen without reading the scenario.
SweepFile read_sweep_file(const std::string& path, const std::string& shown = {});

// Whether two values are the same, numbers by what they are.
bool same_value(const YamlNode& a, const YamlNode& b);

}  // namespace moesim
