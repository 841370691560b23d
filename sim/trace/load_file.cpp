#include "sim/trace/load_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>
#include <utility>

#include "sim/base/csv.hpp"
#include "sim/base/text_file.hpp"
#include "sim/base/yaml.hpp"

namespace moesim {
namespace {

using Json = nlohmann::json;
using Rows = std::vector<std::vector<double>>;

// How deep a JSON value is nested in arrays down to its first number; 0 for anything else.
int array_depth(const Json& value) {
  if (!value.is_array() || value.empty()) return 0;
  return value.front().is_number() ? 1 : (array_depth(value.front()) + 1);
}

MeasuredLoad make_load(Rows rows, std::vector<int> layers, const Spot& spot,
                       const std::string& where) {
  if (rows.empty() || rows.front().empty())
    throw InputError(spot, fmt::format("{} is empty", where));
  MeasuredLoad load{.layers = std::move(layers),
                    .counts = ExpertLoad(rows.size(), rows.front().size())};
  if (load.layers.empty()) {
    load.layers.resize(rows.size());
    std::iota(load.layers.begin(), load.layers.end(), 0);
  }
  if (load.layers.size() != rows.size())
    throw InputError(
        spot, fmt::format("{} has {} rows for {} layers", where, rows.size(), load.layers.size()));
  if (std::adjacent_find(load.layers.begin(), load.layers.end(), std::greater_equal<>()) !=
      load.layers.end())
    throw InputError(spot, fmt::format("the layers of {} are not in ascending order", where));
  for (std::size_t layer = 0; layer < rows.size(); ++layer) {
    const std::vector<double>& row = rows[layer];
    if (row.size() != rows.front().size())
      throw InputError(spot, fmt::format("row {} of {} has {} experts, the first has {}", layer,
                                         where, row.size(), rows.front().size()));
    if (std::any_of(row.begin(), row.end(), [](double count) { return !(count >= 0); }))
      throw InputError(spot, fmt::format("row {} of {} has a negative count", layer, where));
    if (std::accumulate(row.begin(), row.end(), 0.0) <= 0)
      throw InputError(spot, fmt::format("row {} of {} has no counts", layer, where));
    std::copy(row.begin(), row.end(), load.counts.row(LayerId(layer)).begin());
  }
  return load;
}

Rows rows_of(const Json& value, const Spot& spot, const std::string& where) {
  const int depth = array_depth(value);
  if (depth != 2 && depth != 3)
    throw InputError(spot, fmt::format("{} is not a list [layers][experts] of numbers", where));
  try {
    if (depth == 2) return value.get<Rows>();
    Rows sum;
    for (const Rows& step : value.get<std::vector<Rows>>()) {
      if (sum.empty()) {
        sum = step;
        continue;
      }
      for (std::size_t layer = 0; layer < std::min(sum.size(), step.size()); ++layer)
        for (std::size_t e = 0; e < std::min(sum[layer].size(), step[layer].size()); ++e)
          sum[layer][e] += step[layer][e];
    }
    return sum;
  } catch (const Json::exception&) {
    throw InputError(spot, fmt::format("{} has something else among its numbers", where));
  }
}

MeasuredLoad read_case(const Json& entry, const Spot& spot, const std::string& where) {
  if (!entry.is_object() || !entry.contains("counts_topk"))
    throw InputError(spot, fmt::format("{} has no 'counts_topk'", where));
  try {
    MeasuredLoad load =
        make_load(rows_of(entry["counts_topk"], spot, where + ".counts_topk"),
                  entry.value("layers", std::vector<int>()), spot, where + ".counts_topk");
    load.model = entry.value("model", "");
    load.domain = entry.value("domain", "");
    return load;
  } catch (const Json::exception&) {
    throw InputError(spot,
                     fmt::format("'model', 'domain' or 'layers' of {} has the wrong type", where));
  }
}

std::vector<MeasuredLoad> read_json(const std::filesystem::path& path, const std::string& shown) {
  const Json root = parse_json(read_bytes(path, shown), shown);
  const Spot spot{.source = text_source(shown, "")};
  if (root.is_array()) return {make_load(rows_of(root, spot, "the list"), {}, spot, "the list")};
  for (const char* name : {"weight", "logical_count"})
    if (root.is_object() && root.contains(name))
      return {make_load(rows_of(root[name], spot, name), {}, spot, name)};
  if (!root.is_object() || !root.contains("cases") || !root["cases"].is_array())
    throw InputError(spot, "the file has no loads of experts",
                     "it needs a list [layers][experts], or 'weight', 'logical_count' or 'cases'");
  std::vector<MeasuredLoad> loads;
  for (std::size_t i = 0; i < root["cases"].size(); ++i)
    loads.push_back(read_case(root["cases"][i], spot, fmt::format("cases[{}]", i)));
  return loads;
}

std::vector<MeasuredLoad> read_csv(const std::filesystem::path& path, const std::string& shown) {
  CsvReader csv(path, shown);
  const std::size_t layer = csv.need_column({"layer_slot", "layer", "layer_id"});
  const std::size_t expert = csv.need_column({"expert", "expert_id"});
  const std::size_t count = csv.need_column({"count", "token_count"});
  const std::optional<std::size_t> model = csv.column("model");
  std::optional<std::size_t> domain = csv.column("domain");
  if (!domain) domain = csv.column("dataset");
  using Name = std::pair<std::string, std::string>;
  std::vector<Name> order;
  std::map<Name, std::map<int, std::vector<double>>> cases;
  while (csv.next()) {
    const Name name{model ? csv.field(*model) : "", domain ? csv.field(*domain) : ""};
    if (!cases.contains(name)) order.push_back(name);
    std::vector<double>& row = cases[name][static_cast<int>(csv.integer(layer, 0, 100000))];
    const std::size_t e = static_cast<std::size_t>(csv.integer(expert, 0, 32767));
    if (row.size() <= e) row.resize(e + 1);
    row[e] += csv.number(count);
  }
  std::vector<MeasuredLoad> loads;
  for (const Name& name : order) {
    std::size_t experts = 0;
    for (const auto& [id, row] : cases[name]) experts = std::max(experts, row.size());
    std::vector<int> layers;
    Rows rows;
    for (auto& [id, row] : cases[name]) {
      row.resize(experts);
      layers.push_back(id);
      rows.push_back(std::move(row));
    }
    loads.push_back(make_load(std::move(rows), std::move(layers), csv.file_spot(), "the table"));
    loads.back().model = name.first;
    loads.back().domain = name.second;
  }
  if (loads.empty()) throw InputError(csv.file_spot(), "the table has no rows");
  return loads;
}

}  // namespace

std::vector<MeasuredLoad> read_measured_loads(const std::filesystem::path& path,
                                              const std::string& shown) {
  std::string first;
  LineReader lines(path, shown);
  while (lines.next(first))
    if (const std::size_t at = first.find_first_not_of(" \t"); at != std::string::npos)
      return first[at] == '{' || first[at] == '[' ? read_json(path, shown) : read_csv(path, shown);
  throw InputError(lines.file_spot(), "the file is empty");
}

}  // namespace moesim
