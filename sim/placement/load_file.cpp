#include "sim/placement/load_file.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "sim/base/presets.hpp"
#include "sim/base/yaml.hpp"
#include "sim/model/load_window.hpp"

namespace moesim {
namespace {

using nlohmann::json;

// JSON without places: a mistake is told with its path, such as "weight[3][17]".
class JsonLoad {
 public:
  explicit JsonLoad(Spot spot) : spot_(std::move(spot)) {}

  std::vector<ExpertLoad> read(const json& document) {
    if (document.is_array()) return read_arrays(document, "");
    for (const char* field : {"weight", "logical_count"})
      if (document.contains(field)) return read_arrays(document[field], field);
    if (document.contains("load_history")) return read_history(document["load_history"]);
    throw InputError(spot_, "the file has no expert loads",
                     "known forms: [layers][experts], or an object with 'weight', "
                     "'logical_count' or 'load_history'");
  }

 private:
  static int depth_of(const json& value) {
    return value.is_array() && !value.empty() ? 1 + depth_of(value.front()) : 0;
  }

  std::vector<ExpertLoad> read_arrays(const json& value, const std::string& path) {
    switch (depth_of(value)) {
      case 1:
        add_layers(json::array({value}), path);
        break;
      case 2:
        add_layers(value, path);
        break;
      case 3:
        for (std::size_t step = 0; step < value.size(); ++step)
          add_layers(value[step], fmt::format("{}[{}]", path, step));
        break;
      default:
        throw InputError(spot_, fmt::format("{} is not an array of expert loads",
                                            path.empty() ? "the document" : path));
    }
    return std::move(steps_);
  }

  std::vector<ExpertLoad> read_history(const json& history) {
    if (!history.is_array() || history.empty())
      throw InputError(spot_, "load_history must be a list of steps");
    for (std::size_t step = 0; step < history.size(); ++step) {
      const std::string path = fmt::format("load_history[{}]", step);
      if (!history[step].is_object() || !history[step].contains("logical_expert_load"))
        throw InputError(spot_, path + " has no 'logical_expert_load'");
      add_layers(history[step]["logical_expert_load"], path + ".logical_expert_load");
    }
    return std::move(steps_);
  }

  void add_layers(const json& layers, const std::string& path) {
    if (depth_of(layers) != 2)
      throw InputError(spot_, fmt::format("{} is not [layers][experts]", path));
    const std::size_t experts = steps_.empty() ? layers.front().size() : steps_.front().columns();
    if (!steps_.empty() && layers.size() != steps_.front().rows())
      throw InputError(spot_, fmt::format("{} has {} layers, the ones before have {}", path,
                                          layers.size(), steps_.front().rows()));
    steps_.emplace_back(layers.size(), experts);
    for (const LayerId layer : steps_.back().row_ids())
      add_row(layers[layer.index()], layer, fmt::format("{}[{}]", path, layer.value));
  }

  void add_row(const json& row, LayerId layer, const std::string& path) {
    ExpertLoad& load = steps_.back();
    if (!row.is_array() || row.size() != load.columns())
      throw InputError(spot_, fmt::format("{} must have {} experts, as the layers before", path,
                                          load.columns()));
    for (const ExpertId expert : load.column_ids()) {
      const json& value = row[expert.index()];
      if (!value.is_number() || value.get<double>() < 0)
        throw InputError(spot_,
                         fmt::format("{}[{}] is not a load: {}", path, expert.value, value.dump()));
      load(layer, expert) = value.get<double>();
    }
  }

  Spot spot_;
  std::vector<ExpertLoad> steps_;
};

// The place of the byte at `offset` in the source.
Spot spot_at(const std::shared_ptr<const SourceText>& source, std::size_t offset) {
  for (std::size_t line = 0; line < source->lines.size(); ++line) {
    const std::size_t length = source->lines[line].size() + 1;
    if (offset < length) return {source, static_cast<int>(line) + 1, static_cast<int>(offset) + 1};
    offset -= length;
  }
  return {source, static_cast<int>(source->lines.size()), 1};
}

std::vector<ExpertLoad> read_json(const std::shared_ptr<const SourceText>& source) {
  std::string text;
  for (const std::string& line : source->lines) text += line + '\n';
  json document;
  try {
    document = json::parse(text);
  } catch (const json::parse_error& error) {
    throw InputError(spot_at(source, error.byte > 0 ? error.byte - 1 : 0), "this is not JSON here");
  }
  return JsonLoad({source, 0, 0}).read(document);
}

std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> cells(1);
  for (const char c : line) {
    if (c == ',') {
      cells.emplace_back();
    } else if (c != ' ' && c != '\r' && c != '"') {
      cells.back() += c;
    }
  }
  return cells;
}

// Which column of a CSV file holds what.
struct Columns {
  int layer = -1, expert = -1, count = -1, step = -1;
};

Columns read_header(const std::shared_ptr<const SourceText>& source) {
  Columns columns;
  if (!source->lines.empty()) {
    const auto names = split(source->lines.front());
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (names[i] == "layer" || names[i] == "layer_id") columns.layer = static_cast<int>(i);
      if (names[i] == "expert" || names[i] == "expert_id") columns.expert = static_cast<int>(i);
      if (names[i] == "step") columns.step = static_cast<int>(i);
      if (names[i] == "count") columns.count = static_cast<int>(i);
    }
  }
  if (columns.layer < 0 || columns.expert < 0 || columns.count < 0)
    throw InputError({source, 1, 1}, "the header must name layer, expert and count",
                     "as in: step,layer,expert,count");
  return columns;
}

double read_cell(const std::vector<std::string>& cells, int column, const Spot& spot, bool whole) {
  const std::string text =
      column < static_cast<int>(cells.size()) ? cells[static_cast<std::size_t>(column)] : "";
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !(value >= 0) ||
      !std::isfinite(value) || (whole && (value != std::floor(value) || value > 1e6)))
    throw InputError(spot, fmt::format("'{}' is not {}", text, whole ? "an id" : "a count"));
  return value;
}

std::vector<ExpertLoad> read_csv(const std::shared_ptr<const SourceText>& source) {
  const Columns columns = read_header(source);
  // By step (a number, maybe a time), layer and expert.
  std::map<double, std::map<int, std::map<int, double>>> counts;
  std::map<int, LayerId> layers;  // that occur
  int experts = 0;
  for (std::size_t i = 1; i < source->lines.size(); ++i) {
    if (source->lines[i].empty()) continue;
    const Spot spot{source, static_cast<int>(i) + 1, 1};
    const auto cells = split(source->lines[i]);
    const auto id = [&](int column) {
      return static_cast<int>(read_cell(cells, column, spot, true));
    };
    const int layer = id(columns.layer), expert = id(columns.expert);
    const double step = columns.step < 0 ? 0 : read_cell(cells, columns.step, spot, false);
    counts[step][layer][expert] += read_cell(cells, columns.count, spot, false);
    layers[layer] = {};
    experts = std::max(experts, expert + 1);
  }
  if (counts.empty()) throw InputError({source, 1, 1}, "the file has no rows");
  int next = 0;
  for (auto& [number, id] : layers) id = LayerId(next++);
  std::vector<ExpertLoad> steps;
  for (const auto& [step, by_layer] : counts) {
    ExpertLoad& load = steps.emplace_back(next, experts);
    for (const auto& [layer, by_expert] : by_layer)
      for (const auto& [expert, count] : by_expert) load(layers[layer], ExpertId(expert)) = count;
  }
  return steps;
}

}  // namespace

std::vector<ExpertLoad> read_load_history(const std::filesystem::path& path) {
  const auto source = read_source(path, shown_path(path));
  return path.extension() == ".csv" ? read_csv(source) : read_json(source);
}

ExpertLoad read_load_file(const std::filesystem::path& path) {
  return sum_of(read_load_history(path));
}

}  // namespace moesim
