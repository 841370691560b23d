#include "sim/calibration/upstream_table.hpp"

#include <fmt/format.h>

#include <utility>

#include "sim/base/yaml.hpp"
#include "sim/calibration/datasheet.hpp"

namespace moesim {
namespace {

using Names = std::vector<std::pair<const char*, const char*>>;  // ours, theirs

Spot header_of(const MeasuredTable& table) {
  std::string line;
  for (const std::string& column : table.columns()) line += (line.empty() ? "" : ",") + column;
  return {std::make_shared<SourceText>(SourceText{.name = table.name(), .lines = {line}}), 1, 1};
}

void rename_all(MeasuredTable& table, const Names& names) {
  for (const auto& [ours, theirs] : names)
    if (table.has(theirs) && !table.has(ours)) table.rename(theirs, ours);
}

// "NVIDIA H200" → "H200"; a GPU without a datasheet keeps its name, for the message about it.
void name_systems(MeasuredTable& table, const std::string& system) {
  std::vector<std::string> systems;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const std::string& device = table.text(row, "device");
    const Datasheet* sheet = datasheet_in(device);
    systems.push_back(sheet != nullptr ? sheet->system : device.empty() ? system : device);
  }
  if (!table.has("system")) table.add_column("system", std::move(systems));
}

// "context_attention" → "context".
void name_phases(MeasuredTable& table) {
  std::vector<std::string> phases;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const std::string& operation = table.text(row, "op_name");
    const bool context = operation.find("context") != std::string::npos;
    phases.push_back(context ? "context" : "generation");
  }
  table.add_column("phase", std::move(phases));
}

void map_aiconfigurator(MeasuredTable& table, const std::string& system) {
  const Spot header = header_of(table);
  rename_all(table, {{"latency_ms", "latency"},
                     {"num_tokens_global", "num_tokens"},
                     {"moe_tp", "moe_tp_size"},
                     {"moe_ep", "moe_ep_size"},
                     {"dtype", "moe_dtype"},
                     {"dtype", "gemm_dtype"}});
  name_systems(table, system);
  const bool attention = table.has("isl") && table.has("step");
  if (attention) {
    rename_all(table, {{"new_tokens", "isl"}, {"past_kv_len", "step"}});
    name_phases(table);
  }
  if (attention && table.has("mla_dtype")) {
    rename_all(table, {{"num_local_heads", "num_heads"}});
    table.add_column("scope", std::vector<std::string>(table.rows(), "mla_kernel"));
  }
  if (!table.has("latency_ms"))
    throw InputError(header, "not a table of aiconfigurator: it has no column latency",
                     "--import csv --column latency_ms=THEIRS maps other headers");
}

void map_frontier(MeasuredTable& table, const std::string& system) {
  const Spot header = header_of(table);
  rename_all(table, {{"gating_linear_ms", "time_stats.moe_gating_linear.median"},
                     {"gating_topk_ms", "time_stats.moe_gating_routing_topk.median"},
                     {"permute_shuffle_ms", "time_stats.moe_shuffling.median"},
                     {"grouped_gemm_ms", "time_stats.moe_grouped_gemm.median"},
                     {"num_local_experts", "num_experts_per_device"},
                     {"moe_ep", "expert_parallel_size"},
                     {"moe_tp", "num_tensor_parallel_workers"},
                     {"topk", "router_topk"},
                     {"hidden_size", "hidden_dim"},
                     {"inter_size", "expert_hidden_dim"},
                     {"routed_pairs_local", "total_routed_tokens"},
                     {"measurement", "measurement_type"}});
  name_systems(table, system);
  if (!table.has("measurement"))
    table.add_column("measurement", std::vector<std::string>(table.rows(), "CUDA_EVENT"));
  if (!table.has("gating_linear_ms") || !table.has("permute_shuffle_ms"))
    throw InputError(
        header,
        "not a table of Frontier: it has no column time_stats.moe_gating_linear.median "
        "or time_stats.moe_shuffling.median",
        "--import csv --column gating_linear_ms=THEIRS maps other headers");
}

}  // namespace

void use_our_columns(MeasuredTable& table, TableSource source, const std::string& system) {
  if (source == TableSource::kAiconfigurator) map_aiconfigurator(table, system);
  if (source == TableSource::kFrontier) map_frontier(table, system);
  if (source == TableSource::kOurs && !table.has("system") && !system.empty())
    table.add_column("system", std::vector<std::string>(table.rows(), system));
}

void rename_columns(MeasuredTable& table, const std::vector<std::string>& mappings) {
  for (const std::string& mapping : mappings) {
    const Spot spot{text_source("--column", mapping, true), 1, 1};
    const std::size_t equals = mapping.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == mapping.size())
      throw InputError(spot, "a column is mapped as ours=theirs",
                       "such as --column latency_ms=duration_ms");
    const std::string ours = mapping.substr(0, equals), theirs = mapping.substr(equals + 1);
    if (!table.has(theirs))
      throw InputError(spot, fmt::format("{} has no column '{}'", table.name(), theirs),
                       hint_for(theirs, table.columns()));
    if (table.has(ours))
      throw InputError(spot, fmt::format("{} has a column '{}' of its own", table.name(), ours));
    table.rename(theirs, ours);
  }
}

}  // namespace moesim
