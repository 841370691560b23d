#include "sim/trace/serving_records.hpp"

#include <fmt/format.h>

namespace moesim {
namespace {

using Json = nlohmann::json;

// [layers][experts], physical where there is a map.
void visit_matrix(RecordVisitor& visitor, const Json& layers, std::int64_t step, int rank,
                  const PhysicalMap& map) {
  for (std::size_t layer = 0; layer < layers.size(); ++layer) {
    const auto counts = layers[layer].get<std::vector<std::int64_t>>();
    for (const std::int64_t count : counts)
      if (count < 0) throw InputError(Spot{}, fmt::format("layer {} has a negative count", layer));
    visit_counts(visitor, {.step = step,
                           .rank = rank,
                           .layer = static_cast<int>(layer),
                           .counts = map.logical_counts(static_cast<int>(layer), counts)});
  }
}

void visit_tokens(RecordVisitor& visitor, const Json& record, std::int64_t step, int rank,
                  const PhysicalMap& map) {
  if (record.contains("positions"))
    visitor.columns({.step = step,
                     .rank = rank,
                     .positions = record["positions"].get<std::vector<std::int32_t>>()});
  const Json& layers = record["topk_ids_of_layer"];
  for (std::size_t layer = 0; layer < layers.size(); ++layer) {
    RouteRows rows{.step = step, .rank = rank, .layer = static_cast<int>(layer)};
    read_ids(layers[layer], map, rows);
    if (rows.top_k > 0) visitor.routes(std::move(rows));  // a dense layer is all −1
  }
}

}  // namespace

void visit_steps(RecordVisitor& visitor, const Json& steps, std::int64_t first, int rank,
                 const PhysicalMap& map) {
  const bool has_steps = !steps.empty() && !steps.at(0).empty() && steps.at(0).at(0).is_array();
  if (!has_steps) return visit_matrix(visitor, steps, first, rank, map);
  for (std::size_t i = 0; i < steps.size(); ++i)
    visit_matrix(visitor, steps[i], first + static_cast<std::int64_t>(i), rank, map);
}

TraceHeader sglang_header(bool has_tokens, const PhysicalMap& map) {
  TraceHeader header{.source = has_tokens ? "sglang/per_token" : "sglang/per_pass"};
  if (map.empty()) header.notes = kNoMapNote;
  return header;
}

void visit_sglang_record(RecordVisitor& visitor, const Json& record, bool has_tokens,
                         const PhysicalMap& map) {
  const std::int64_t step = record.at("forward_pass_id").get<std::int64_t>();
  const int rank = record.value("rank", -1);
  if (!has_tokens) return visit_steps(visitor, record.at("global_physical_count"), step, rank, map);
  if (record.contains("topk_ids_of_layer")) visit_tokens(visitor, record, step, rank, map);
}

std::optional<Iteration> parse_iteration(const std::string& key) {
  const std::size_t underscore = key.find('_');
  if (underscore == 0 || underscore >= 18 || key.size() - underscore > 9 ||
      underscore + 1 == key.size() || key.find_first_not_of("0123456789_") != std::string::npos ||
      key.find('_', underscore + 1) != std::string::npos)
    return std::nullopt;
  return Iteration{std::stoll(key.substr(0, underscore)), std::stoi(key.substr(underscore + 1))};
}

void visit_iteration(RecordVisitor& visitor, const Iteration& iteration, int rank,
                     const Json& value) {
  if (value.empty()) return;
  if (!value.at(0).is_array())
    return visit_counts(visitor, {.step = iteration.step,
                                  .rank = rank,
                                  .layer = iteration.layer,
                                  .counts = value.get<std::vector<std::int64_t>>()});
  RouteRows rows{.step = iteration.step, .rank = rank, .layer = iteration.layer};
  read_ids(value, {}, rows);
  visitor.routes(std::move(rows));
}

void visit_request(RecordVisitor& visitor, std::int64_t request, const Json& routes) {
  if (routes.is_string())
    throw InputError(Spot{}, "routed_experts is text, which does not tell its shape",
                     "decode the base64 to [tokens][layers][k]");
  const std::size_t layers = routes.empty() ? 0 : routes.at(0).size();
  visitor.batch(request, -1, static_cast<int>(routes.size()));
  TokenColumns columns{.step = request};
  for (std::size_t token = 0; token < routes.size(); ++token) {
    columns.requests.push_back(request);
    columns.positions.push_back(static_cast<std::int32_t>(token));
  }
  visitor.columns(std::move(columns));
  for (std::size_t layer = 0; layer < layers; ++layer) {
    RouteRows rows{.step = request, .layer = static_cast<int>(layer)};
    Json ids = Json::array();
    for (const Json& token : routes) ids.push_back(token.at(layer));
    read_ids(ids, {}, rows);
    if (rows.top_k > 0) visitor.routes(std::move(rows));  // a dense layer is all −1
  }
}

}  // namespace moesim
