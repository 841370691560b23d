// steps.csv and gpus.csv: one row per measured step, one per GPU.
//
// Comma separated with a header line (RFC 4180, lines end in LF). All fields are numbers in SI
// units, written so that they read back exactly; a column whose unit is not a plain count carries
// it in its name. A field is empty where the value is not known.
//
// steps.csv: step, tokens (new in the step, all GPUs), step_time_s and a PHASE_s column per phase
// (mean over GPUs; they sum to the step time), the imbalance of DESIGN §7 (mean over layers),
// then over all MoE layers: routes, dropped_routes, dropped_tokens ((token, layer) pairs without a
// kept route), rows (computed by experts, padding included), and the bytes sent.
// gpus.csv: gpu, node, PHASE_s (mean per step), routes_per_step, busy (share of the time with a
// kernel running), memory_bytes.
// loads.csv: layer (of MoE layers), gpu, expert, rows_per_step: what the GPU computes for each
// expert that it has or had a copy of, padding included, mean over the measured steps.
// links.csv: name, class, from, to, bandwidth_bytes_per_s, bytes_per_step, use (0–1; empty: no
// traffic can fill the link, and its bytes were not counted). `from` and `to` are places of the
// cluster: "node0.gpu3", "node0.nvswitch", "node0.nic2", "leaf.rail2", "spine".
// Of a serving run, those two have the pool before the rest, and are of that pool's steps: links
// of the whole cluster, and their use is of the time that the steps took, until the KV cache that
// they send had arrived. Steps that a step cache interpolated count as what they lie between.
#pragma once

#include <string>

#include "sim/model/run_result.hpp"

namespace moesim {

std::string steps_csv(const RunResult& result);
std::string gpus_csv(const RunResult& result);
std::string loads_csv(const RunResult& result);
std::string links_csv(const RunResult& result);

}  // namespace moesim
