#include "sim/trace/json_rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace moesim {

using Json = nlohmann::json;

void PhysicalMap::set(const Json& rows, const std::vector<int>& layers) {
  for (std::size_t i = 0; i < rows.size(); ++i)
    slots_[layers.empty() ? static_cast<int>(i) : layers.at(i)] =
        rows[i].get<std::vector<std::int64_t>>();
}

std::int16_t PhysicalMap::logical(int layer, std::int64_t physical) const {
  if (physical < 0) return -1;
  const auto found = slots_.find(layer);
  if (found == slots_.end())
    throw InputError(Spot{},
                     fmt::format("layer {} has physical ids, but no map to logical ones", layer));
  if (physical >= std::ssize(found->second))
    throw InputError(Spot{}, fmt::format("layer {} has no physical expert {}", layer, physical));
  const std::int64_t expert = found->second[static_cast<std::size_t>(physical)];
  if (expert < -1 || expert > 32766)
    throw InputError(Spot{}, fmt::format("the map of layer {} has the expert {}", layer, expert));
  return static_cast<std::int16_t>(expert);
}

std::vector<std::int64_t> PhysicalMap::logical_counts(
    int layer, const std::vector<std::int64_t>& counts) const {
  if (empty()) return counts;
  std::vector<std::int64_t> sums;
  for (std::size_t slot = 0; slot < counts.size(); ++slot) {
    const std::int16_t expert = logical(layer, static_cast<std::int64_t>(slot));
    if (expert < 0) continue;
    const std::size_t e = static_cast<std::size_t>(expert);
    if (sums.size() <= e) sums.resize(e + 1, 0);
    sums[e] += counts[slot];
  }
  return sums;
}

void read_ids(const Json& list, const PhysicalMap& map, RouteRows& rows) {
  std::vector<std::vector<std::int16_t>> read;
  std::size_t width = 0;
  for (const Json& row : list) {
    std::vector<std::int16_t>& ids = read.emplace_back();
    for (const Json& value : row) {
      const std::int64_t id = value.is_null() ? -1 : value.get<std::int64_t>();
      if (id < -1 || id > 32766)
        throw InputError(Spot{}, fmt::format("{} is not the id of an expert", id));
      ids.push_back(map.empty() ? static_cast<std::int16_t>(id) : map.logical(rows.layer, id));
      if (ids.back() >= 0) width = std::max(width, ids.size());
    }
  }
  rows.top_k = static_cast<int>(width);
  rows.ids.clear();
  for (std::vector<std::int16_t>& ids : read) {
    ids.resize(width, -1);
    rows.ids.insert(rows.ids.end(), ids.begin(), ids.end());
  }
}

void read_weights(const Json& list, RouteRows& rows) {
  const std::size_t width = static_cast<std::size_t>(rows.top_k);
  if (width == 0) return;
  if (list.size() * width != rows.ids.size())
    throw InputError(Spot{}, fmt::format("{} rows of weights for {} tokens", list.size(),
                                         rows.ids.size() / width));
  for (const Json& row : list)
    for (std::size_t i = 0; i < width; ++i)
      rows.weights.push_back(i >= row.size() || row[i].is_null()
                                 ? std::numeric_limits<float>::quiet_NaN()
                                 : row[i].get<float>());
}

std::int64_t RowCounter::next(std::int64_t step, int rank, int layer, std::int64_t rows) {
  // Steps come in order, or nearly: what is long past is not asked for again.
  while (!rows_.empty() && std::get<0>(rows_.begin()->first) < step - 64)
    rows_.erase(rows_.begin());
  std::int64_t& used = rows_[{step, rank, layer}];
  const std::int64_t first = used;
  used += rows;
  return first;
}

namespace {

Json nested(const NpyArray& array, std::size_t axis, std::int64_t& at) {
  if (axis == array.shape.size()) {
    const std::int64_t element = at++;
    return array.kind == 'f' ? Json(array.number(element)) : Json(array.integer(element));
  }
  Json list = Json::array();
  for (std::int64_t i = 0; i < array.shape[axis]; ++i) list.push_back(nested(array, axis + 1, at));
  return list;
}

}  // namespace

Json nested_json(const NpyArray& array) {
  std::int64_t at = 0;
  return nested(array, 0, at);
}

void place_mistakes(const std::function<void()>& act, const std::function<Spot()>& place) {
  try {
    act();
  } catch (const Json::exception& error) {
    throw InputError(place(), "a field is missing or has the wrong type", error.what());
  } catch (const InputError& error) {
    const Mistake& mistake = error.mistakes().front();
    if (mistake.spot.source) throw;
    throw InputError(place(), mistake.message, mistake.hint);
  }
}

void for_each_json_line(const InputFile& file,
                        const std::function<void(const Json&, const std::string&)>& act) {
  LineReader lines(file.path, file.shown);
  for (std::string line; lines.next(line);) {
    if (line.find_first_not_of(" \t") == std::string::npos) continue;
    place_mistakes(
        [&] {
          const Json object = Json::parse(line, nullptr, false);
          if (object.is_discarded()) throw InputError(Spot{}, "this line is not JSON");
          if (!object.is_object()) throw InputError(Spot{}, "this line is not an object");
          act(object, line);
        },
        [&] { return lines.spot(line); });
  }
}

void with_json(const InputFile& file, const std::function<void(const Json&)>& act) {
  const Json document = parse_json(read_bytes(file.path, file.shown), file.shown);
  place_mistakes([&] { act(document); }, [&] { return file.spot(); });
}

void visit_counts(RecordVisitor& visitor, LayerCounts counts) {
  if (std::any_of(counts.counts.begin(), counts.counts.end(),
                  [](std::int64_t count) { return count != 0; }))
    visitor.counts(std::move(counts));
}

}  // namespace moesim
