// What the JSON forms of routing have in common: rows of ids, and physical experts.
#pragma once

#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <tuple>
#include <vector>

#include "sim/base/text_file.hpp"
#include "sim/trace/convert.hpp"
#include "sim/trace/npy.hpp"

namespace moesim {

// Which logical expert each physical one (slot) of a layer holds, as it was recorded.
class PhysicalMap {
 public:
  bool empty() const { return slots_.empty(); }
  // `rows` is [layers][slots]; row i belongs to layers[i], or to layer i where `layers` is empty.
  void set(const nlohmann::json& rows, const std::vector<int>& layers = {});
  // −1 stays −1. Throws InputError where the layer has no map or no such slot.
  std::int16_t logical(int layer, std::int64_t physical) const;
  // Counts of slots added up by logical expert.
  std::vector<std::int64_t> logical_counts(int layer,
                                           const std::vector<std::int64_t>& counts) const;

 private:
  std::map<int, std::vector<std::int64_t>> slots_;
};

// Fills ids and top_k from [[id, …], …]; shorter rows are filled up, and columns that are −1 in
// every row fall off. Ids are physical where `map` is not empty. Throws InputError, or
// nlohmann::json::exception where a type is wrong.
void read_ids(const nlohmann::json& list, const PhysicalMap& map, RouteRows& rows);
// Fills weights from [[weight, …], …], of the shape of the ids; null = not recorded.
void read_weights(const nlohmann::json& list, RouteRows& rows);

// Gives calls of the same (step, rank, layer) rows one after another: micro-batches.
class RowCounter {
 public:
  std::int64_t next(std::int64_t step, int rank, int layer, std::int64_t rows);

 private:
  std::map<std::tuple<std::int64_t, int, int>, std::int64_t> rows_;
};

// An array of numbers as nested lists.
nlohmann::json nested_json(const NpyArray& array);

// The functions above, and `act` below, throw InputError without a place and
// nlohmann::json::exception; what calls `act` puts them at the line, or the file.
// Runs `act`; a mistake that it did not place is at `place()`.
void place_mistakes(const std::function<void()>& act, const std::function<Spot()>& place);

// Calls `act` with every line of the file that is not empty, as JSON and as it stands.
void for_each_json_line(const InputFile& file,
                        const std::function<void(const nlohmann::json&, const std::string&)>& act);

// Calls `act` with the whole file as JSON, in the same way.
void with_json(const InputFile& file, const std::function<void(const nlohmann::json&)>& act);

// One layer's counts per logical expert go to the visitor, unless all are 0: a layer without
// experts.
void visit_counts(RecordVisitor& visitor, LayerCounts counts);

}  // namespace moesim
