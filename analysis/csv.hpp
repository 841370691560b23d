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
#pragma once

#include <string>

#include "sim/model/run_result.hpp"

namespace moesim {

std::string steps_csv(const RunResult& result);
std::string gpus_csv(const RunResult& result);

}  // namespace moesim
