// The CSV short forms of policies.md 6.8: loads (also SGLang's old layer_id,expert_id,count) and
// routes, a row per token and layer.
#include <fmt/format.h>

#include <limits>

#include "sim/base/csv.hpp"
#include "sim/trace/convert.hpp"

namespace moesim {
namespace {

constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();

std::int64_t optional_integer(const CsvReader& csv, const std::optional<std::size_t>& column,
                              std::int64_t lowest, std::int64_t highest, std::int64_t fallback) {
  if (!column || csv.field(*column).empty()) return fallback;
  return csv.integer(*column, lowest, highest);
}

// The columns PREFIX0, PREFIX1, … as far as they go.
std::vector<std::size_t> numbered_columns(const CsvReader& csv, const std::string& prefix) {
  std::vector<std::size_t> columns;
  while (const auto column = csv.column(fmt::format("{}{}", prefix, columns.size())))
    columns.push_back(*column);
  return columns;
}

}  // namespace

void walk_load_csv(const InputFile& file, RecordVisitor& visitor) {
  CsvReader csv(file.path, file.shown);
  const std::size_t layer = csv.need_column({"layer", "layer_id"});
  const std::size_t expert = csv.need_column({"expert", "expert_id"});
  const std::size_t count = csv.need_column({"count"});
  const auto step = csv.column("step"), rank = csv.column("rank");
  visitor.header({.source = csv.column("layer_id") ? "sglang/csv" : "load.csv"});
  while (csv.next()) {
    LayerCounts row{.step = optional_integer(csv, step, 0, kMost, 0),
                    .rank = static_cast<int>(optional_integer(csv, rank, -1, 1 << 20, -1)),
                    .layer = static_cast<int>(csv.integer(layer, 0, 100000))};
    const std::size_t e = static_cast<std::size_t>(csv.integer(expert, 0, 32766));
    row.counts.resize(e + 1, 0);
    row.counts[e] = csv.integer(count, 0, kMost);
    visitor.counts(std::move(row));
  }
}

void walk_routes_csv(const InputFile& file, RecordVisitor& visitor) {
  CsvReader csv(file.path, file.shown);
  const std::size_t layer = csv.need_column({"layer", "layer_id"});
  const std::size_t token = csv.need_column({"token"});
  const auto step = csv.column("step"), rank = csv.column("rank");
  const std::vector<std::size_t> ids = numbered_columns(csv, "e");
  const std::vector<std::size_t> weights = numbered_columns(csv, "w");
  if (ids.empty()) csv.need_column({"e0"});
  if (!weights.empty() && weights.size() != ids.size())
    throw InputError(csv.file_spot(), fmt::format("the header has {} columns of experts and {} of "
                                                  "weights",
                                                  ids.size(), weights.size()));
  visitor.header({.source = "routes.csv"});
  while (csv.next()) {
    RouteRows rows{.step = optional_integer(csv, step, 0, kMost, 0),
                   .rank = static_cast<int>(optional_integer(csv, rank, -1, 1 << 20, -1)),
                   .layer = static_cast<int>(csv.integer(layer, 0, 100000)),
                   .row0 = csv.integer(token, 0, (1 << 30) - 1),
                   .top_k = static_cast<int>(ids.size())};
    for (const std::size_t column : ids)
      rows.ids.push_back(static_cast<std::int16_t>(optional_integer(csv, column, -1, 32766, -1)));
    for (const std::size_t column : weights)
      rows.weights.push_back(static_cast<float>(csv.number(column)));
    visitor.routes(std::move(rows));
  }
}

}  // namespace moesim
