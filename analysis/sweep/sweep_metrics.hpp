// The numbers that a sweep keeps of each run: those of summary.json, by their names there.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "analysis/json.hpp"

namespace moesim {

// A view of the results file has the metrics of a group.
struct SweepMetricGroup {
  std::string name;                  // "step_time"
  std::string doc;                   // one line
  std::vector<std::string> metrics;  // "step_time_s.mean", …
};

const std::vector<SweepMetricGroup>& sweep_metric_groups();

// All of them, group by group.
const std::vector<std::string>& sweep_metrics();
// The place of a name among them.
std::optional<std::size_t> sweep_metric_index(const std::string& name);

// The numbers of a summary by name: those of `metrics` under their own names, then
// `uncertainty.…`, and the plain numbers of `serving.…` and `offload.…`. What is not defined is
// left out.
std::vector<std::pair<std::string, double>> summary_numbers(const Json& summary);

}  // namespace moesim
