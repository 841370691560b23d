// What moving experts brought and cost, of a whole run.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "analysis/json.hpp"
#include "sim/model/run_result.hpp"

namespace moesim {

// Sums over the maps of a run, and means over those that had steps before and after them.
struct RebalanceSummary {
  int maps = 0;
  double local_bytes = 0, nvlink_bytes = 0, network_bytes = 0;
  double stall_s = 0;
  double predicted_before = 1, predicted_after = 1;       // means over maps
  std::optional<double> realised_before, realised_after;  // means over maps
  // Steps after which the shorter steps have made up for the stalls: mean stall over mean saving.
  // None: steps did not get shorter, or nobody knows.
  std::optional<double> break_even_steps;
};

RebalanceSummary summarize_rebalances(const std::vector<RebalanceRecord>& records);

// null where no map was made.
Json rebalance_json(const std::vector<RebalanceRecord>& records);

// Lines of the terminal table; none where no map was made.
std::vector<std::string> rebalance_lines(const std::vector<RebalanceRecord>& records);

}  // namespace moesim
