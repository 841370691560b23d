// The charts of a run of fixed batches, from its summary and its files.
#pragma once

#include "analysis/report/report.hpp"

namespace moesim {

// Where the time of a step goes: as a mean, step by step, and GPU by GPU.
Json time_section(const Json& summary, const ResultFiles& files);
// Load of experts and GPUs by layer.
Json balance_section(const Json& summary, const ResultFiles& files);
// The links, on a drawing of the cluster.
Json link_section(const Json& summary, const ResultFiles& files);
// Parts from loads.csv and from links.csv: one for each pool where there are pools.
Json load_maps(const ResultFiles& files);
Json link_drawings(const ResultFiles& files);
// One bar for each part of a breakdown {phase: seconds}; parts without time are left out.
Json breakdown_bars(const std::string& title, const std::vector<std::string>& names,
                    const std::vector<Json>& breakdowns);

}  // namespace moesim
