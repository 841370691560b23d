// The points of a sweep: its grid and its lists, written out.
#pragma once

#include "analysis/sweep/sweep_file.hpp"

namespace moesim {

struct SweepPoint {
  std::vector<SweepSetting> settings;  // in the order of the file; a key once
  const YamlNode* find(const std::string& key) const;
  std::string name() const;  // "placement=lpt, workload.tokens_per_gpu=64"
};

// The combinations of the matrix that are not excluded, then what `include` adds, then the list.
// Throws InputError where an entry excludes nothing, a point is there twice, or none is left.
std::vector<SweepPoint> sweep_points(const SweepFile& file);

// The keys that any point sets, in the order of their first use.
std::vector<std::string> swept_keys(const std::vector<SweepPoint>& points);

}  // namespace moesim
