#include "sim/calibration/collective_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <optional>

#include "sim/calibration/datasheet.hpp"

namespace moesim {
namespace {

constexpr double kBytesPerElement = 2;  // message_elements are of bf16

std::optional<CollectiveKind> kind_of(const std::string& name) {
  using enum CollectiveKind;
  if (name == "alltoall") return kAllToAll;
  for (const CollectiveKind kind : {kAllReduce, kAllGather, kReduceScatter, kBroadcast})
    if (name == to_string(kind)) return kind;
  return std::nullopt;
}

bool is_custom(const MeasuredTable& table) {
  return table.has("framework") && table.has("kernel_source") && table.has("message_elements");
}

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

Seconds measured_time(const MeasuredTable& table, std::size_t row) {
  for (const auto& [column, unit] : {std::pair{"latency_ms", 1e-3}, std::pair{"time_us", 1e-6}})
    if (!table.text(row, column).empty()) return Seconds(unit * table.number(row, column));
  return Seconds(0);
}

CollectiveGroup group_of(const MeasuredTable& table, std::size_t row) {
  if (table.has("num_gpus")) return {.ranks = table.integer(row, "num_gpus")};
  const int nodes = table.integer(row, "num_nodes");
  return {.ranks = nodes * table.integer(row, "gpus_per_node"), .domains = nodes};
}

}  // namespace

bool is_collective_table(const MeasuredTable& table) {
  const bool groups =
      table.has("num_gpus") || (table.has("num_nodes") && table.has("gpus_per_node"));
  const bool times = table.has("latency_ms") || table.has("time_us");
  const bool nccl =
      table.has("nccl_version") && table.has("collective") && table.has("message_bytes");
  return table.has("system") && groups && times && (nccl || is_custom(table));
}

CollectiveRow read_collective_row(const MeasuredTable& table, std::size_t row) {
  CollectiveRow read;
  CollectiveSample& sample = read.sample;
  sample.system = table.text(row, "system");
  sample.group = group_of(table, row);
  sample.measured = measured_time(table, row);
  if (is_custom(table)) {
    sample.library = lower(table.text(row, "framework"));
    if (table.text(row, "kernel_source").ends_with("_eager"))
      read.reason = "launched without a CUDA graph: bound by the host";
    sample.size = Bytes(kBytesPerElement * table.number(row, "message_elements"));
  } else {
    const std::string& name = table.text(row, "collective");
    const auto kind = kind_of(name);
    if (!kind) read.reason = fmt::format("no model of {}", name);
    sample.library = "nccl";
    sample.kind = kind.value_or(CollectiveKind::kAllReduce);
    sample.size = Bytes(table.number(row, "message_bytes"));
  }
  if (sample.group.ranks < 2 || sample.group.domains < 1 || sample.size.value <= 0)
    read.reason = "a size is too small";
  const Datasheet* sheet = find_datasheet(sample.system);
  if (read.reason.empty() && sheet != nullptr && sheet->nvlink.value <= 0)
    read.reason = fmt::format("{}: no model of GPUs that share PCIe", sample.system);
  return read;
}

ExchangeSample exchange_of(const CollectiveSample& sample) {
  return {.library = sample.library,
          .phase = "dispatch",
          .system = sample.system,
          .traffic = {.ranks = sample.group.ranks, .domains = sample.group.domains},
          .work = uniform_work(sample.size, sample.group.ranks, sample.group.domains),
          .measured = sample.measured,
          .size = sample.size.value};
}

}  // namespace moesim
