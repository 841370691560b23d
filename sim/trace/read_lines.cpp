// Forms with one JSON object a line: Megatron-LM's router trace, OLMoE's routing analysis and
// moe-balance (policies.md 6.4, 6.5). Token ids of texts are left behind.
#include <fmt/format.h>

#include "sim/trace/json_rows.hpp"

namespace moesim {

using Json = nlohmann::json;

// Ids come from a boolean map, so they ascend. MTP blocks are not layers of the model.
void walk_megatron(const InputFile& file, RecordVisitor& visitor) {
  visitor.header({.source = "megatron/router_trace", .order = IdOrder::kId});
  RowCounter rows_before;
  for_each_json_line(file, [&](const Json& line, const std::string&) {
    if (line.value("block", "decoder") != "decoder") return;
    RouteRows rows{.step = line.at("step").get<std::int64_t>(),
                   .rank = line.value("rank", -1),
                   .layer = line.at("layer").get<int>()};
    const Json& list = line.at("top_indices");
    const std::int64_t tokens = line.value("num_tokens", std::ssize(list));
    if (tokens != std::ssize(list))
      throw InputError(Spot{}, fmt::format("{} rows of ids for {} tokens", list.size(), tokens));
    read_ids(list, {}, rows);
    rows.row0 = rows_before.next(rows.step, rows.rank, rows.layer, tokens);
    visitor.routes(std::move(rows));
  });
}

// A line is a sequence; each becomes a step.
void walk_olmoe(const InputFile& file, RecordVisitor& visitor) {
  visitor.header({.source = "olmoe/routing_analysis", .order = IdOrder::kScore});
  std::int64_t sequence = 0;
  for_each_json_line(file, [&](const Json& line, const std::string&) {
    const Json& tokens = line.at("exp_ids");  // [tokens][k][layers]
    const std::size_t layers = tokens.empty() ? 0 : tokens.at(0).at(0).size();
    TokenColumns columns{.step = sequence};
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      columns.requests.push_back(sequence);
      columns.positions.push_back(static_cast<std::int32_t>(i));
    }
    visitor.columns(std::move(columns));
    for (std::size_t layer = 0; layer < layers; ++layer) {
      RouteRows rows{.step = sequence, .layer = static_cast<int>(layer)};
      Json ids = Json::array();
      for (const Json& token : tokens) {
        Json& row = ids.emplace_back(Json::array());
        for (const Json& choice : token) row.push_back(choice.at(layer));
      }
      read_ids(ids, {}, rows);
      visitor.routes(std::move(rows));
    }
    ++sequence;
  });
}

void walk_moe_balance(const InputFile& file, RecordVisitor& visitor) {
  visitor.header({.source = "moe-balance"});
  RowCounter rows_before;
  for_each_json_line(file, [&](const Json& line, const std::string&) {
    RouteRows rows{.step = line.value("batch_id", std::int64_t{0}),
                   .layer = line.at("layer").get<int>()};
    const Json& list = line.at("topk_experts");
    read_ids(list, {}, rows);
    if (line.contains("topk_weights")) read_weights(line["topk_weights"], rows);
    rows.row0 = rows_before.next(rows.step, -1, rows.layer, std::ssize(list));
    if (line.contains("request_id") && line["request_id"].is_number_integer())
      visitor.columns({.step = rows.step,
                       .row0 = rows.row0,
                       .requests = std::vector<std::int64_t>(
                           list.size(), line["request_id"].get<std::int64_t>())});
    visitor.routes(std::move(rows));
  });
}

}  // namespace moesim
