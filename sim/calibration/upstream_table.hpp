// Tables of others under our column names: those of the shared copies, which the readers know.
#pragma once

#include <string>
#include <vector>

#include "sim/calibration/measured_table.hpp"

namespace moesim {

// Whose headers a table has: upstream's own, or already ours (or mapped by the user).
enum class TableSource { kOurs, kAiconfigurator, kFrontier };

// Renames the columns of ai-dynamo/aiconfigurator (moe_perf, gemm_perf, context_attention_perf,
// generation_attention_perf, context_mla_perf, generation_mla_perf; latencies in ms) or of
// NetX-lab/Frontier (profiling/compute/<device>/<model>/moe.csv). `system` fills in where the table
// does not name its GPU. A table that has our columns already stays as it is. Throws InputError
// where it has neither.
void use_our_columns(MeasuredTable& table, TableSource source, const std::string& system);

// Applies "ours=theirs". Throws InputError where the table has no such column, or has ours too.
void rename_columns(MeasuredTable& table, const std::vector<std::string>& mappings);

}  // namespace moesim
