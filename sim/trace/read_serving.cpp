// JSON that serving systems write: SGLang's expert distribution recorder, vLLM's load windows,
// TensorRT-LLM's statistics, and TAPE's load history (policies.md 6.1 to 6.3, 6.5). Physical ids
// and counts become logical ones by the map that was recorded with them.
#include <fmt/format.h>

#include "sim/trace/json_rows.hpp"

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

// [steps][layers][experts], or one step without the first axis.
void visit_steps(RecordVisitor& visitor, const Json& steps, std::int64_t first, int rank,
                 const PhysicalMap& map) {
  const bool has_steps = !steps.empty() && !steps.at(0).empty() && steps.at(0).at(0).is_array();
  if (!has_steps) return visit_matrix(visitor, steps, first, rank, map);
  for (std::size_t i = 0; i < steps.size(); ++i)
    visit_matrix(visitor, steps[i], first + static_cast<std::int64_t>(i), rank, map);
}

void visit_sglang_tokens(RecordVisitor& visitor, const Json& record, std::int64_t step, int rank,
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

void walk_sglang(const InputFile& file, RecordVisitor& visitor) {
  with_json(file, [&](const Json& root) {
    if (root.contains("logical_count")) {
      visitor.header({.source = "sglang/stat"});
      return visit_steps(visitor, root["logical_count"], 0, -1, {});
    }
    PhysicalMap map;
    for (const char* name : {"last_physical_to_logical_map", "physical_to_logical_map"})
      if (root.contains(name)) map.set(root[name]);
    bool has_tokens = false;
    for (const Json& record : root.at("records"))
      has_tokens |= record.contains("topk_ids_of_layer");
    visitor.header({.source = has_tokens ? "sglang/per_token" : "sglang/per_pass"});
    for (const Json& record : root.at("records")) {
      const std::int64_t step = record.at("forward_pass_id").get<std::int64_t>();
      const int rank = record.value("rank", -1);
      if (has_tokens) {
        if (record.contains("topk_ids_of_layer"))
          visit_sglang_tokens(visitor, record, step, rank, map);
      } else {
        visit_matrix(visitor, record.at("global_physical_count"), step, rank, map);
      }
    }
  });
}

void walk_vllm(const InputFile& file, RecordVisitor& visitor) {
  visitor.header({.source = "vllm/expert_load"});
  PhysicalMap map;
  std::int64_t next = 0;
  const auto visit = [&](const Json& entry, const std::string&) {
    if (entry.contains("physical_to_logical_map")) map.set(entry["physical_to_logical_map"]);
    const Json& load = entry.contains("expert_load_window") ? entry["expert_load_window"]
                                                            : entry.at("expert_load_pass");
    const std::int64_t step = entry.value("step", next);
    visit_steps(visitor, load, step, entry.value("rank", -1), map);
    next = step + 1;
  };
  LineReader lines(file.path, file.shown);
  std::string first;
  if (lines.next(first) && Json::accept(first)) return for_each_json_line(file, visit);
  with_json(file, [&](const Json& root) { visit(root, {}); });
}

// Keys "ITERATION_LAYER": [experts] counts, or [tokens][k] ids (the raw files).
void walk_tensorrt_llm(const InputFile& file, RecordVisitor& visitor) {
  with_json(file, [&](const Json& root) {
    visitor.header({.source = "tensorrt-llm/statistics",
                    .experts = root.value("num_experts", 0),
                    .top_k = root.value("num_experts_per_token", 0)});
    const int rank = root.value("rank", -1);
    std::map<std::pair<std::int64_t, int>, const Json*> entries;  // "10_3" is after "9_3"
    for (const auto& [key, value] : root.items()) {
      const std::size_t underscore = key.find('_');
      if (underscore == std::string::npos || key.find_first_not_of("0123456789_") < key.size())
        continue;
      entries[{std::stoll(key.substr(0, underscore)), std::stoi(key.substr(underscore + 1))}] =
          &value;
    }
    for (const auto& [place, value] : entries) {
      const auto [step, layer] = place;
      if (value->empty()) continue;
      if (!value->at(0).is_array()) {
        visit_counts(visitor, {.step = step,
                               .rank = rank,
                               .layer = layer,
                               .counts = value->get<std::vector<std::int64_t>>()});
        continue;
      }
      RouteRows rows{.step = step, .rank = rank, .layer = layer};
      read_ids(*value, {}, rows);
      visitor.routes(std::move(rows));
    }
  });
}

void walk_tape(const InputFile& file, RecordVisitor& visitor) {
  visitor.header({.source = "tape/load_history"});
  with_json(file, [&](const Json& root) {
    std::int64_t step = 0;
    for (const Json& entry : root.at("load_history"))
      visit_matrix(visitor, entry.at("logical_expert_load"), step++, -1, {});
  });
}

}  // namespace moesim
