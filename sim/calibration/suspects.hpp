// Groups of measured rows that no kernel can explain: a rank with less to do that is slower.
//
// A (shape, distribution, TP, EP) whose rows take, in the median over token counts, 1.3 times as
// long as those of a configuration that cuts the same experts and routes less is a failed
// autotuning of its source. That holds for skewed rows too, which are of the slowest rank: its
// experts are a part of those of the slowest rank of a group that is cut less. Loads of another
// distribution tell the same: where an expert has one row at most on average, a call reads weights
// and does little else, so it may take longer only by as much as more experts have rows.
#pragma once

#include <string>
#include <vector>

#include "sim/calibration/moe_table.hpp"

namespace moesim {

struct SuspectGroup {
  MoeRow row;           // one of its rows
  double slowdown = 1;  // median over token counts, against the configuration below
  int less_tp = 1, less_ep = 1;
  std::string less_distribution;
};

// "H200 TRTLLM moe_torch_flow_cutlass fp8 balanced, 4096 x 2048, top 8 of 256, TP 4, EP 2: 2.24
// times as slow as TP 1, EP 2".
std::string to_string(const SuspectGroup& group);

// Rows that cannot be used are passed over. In the order in which the groups appear.
std::vector<SuspectGroup> find_suspects(const std::vector<MoeRow>& rows);

// Groups that rows of another distribution contradict; `loads` says how many experts have rows.
std::vector<SuspectGroup> find_contradicted(const std::vector<MoeRow>& rows, TableLoads& loads);

}  // namespace moesim
