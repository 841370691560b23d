// JSON that serving systems write: SGLang's expert distribution recorder, vLLM's load windows,
// TensorRT-LLM's statistics, and TAPE's load history (policies.md 6.1 to 6.3, 6.5). Physical ids
// and counts become logical ones by the map that was recorded with them.
#include <algorithm>

#include "sim/trace/serving_records.hpp"

namespace moesim {

using Json = nlohmann::json;

namespace {

// The lines of the file, or the file as one.
void for_each_entry(const InputFile& file,
                    const std::function<void(const Json&, const std::string&)>& act) {
  LineReader lines(file.path, file.shown);
  std::string first;
  if (lines.next(first) && Json::accept(first)) return for_each_json_line(file, act);
  with_json(file, [&](const Json& root) { act(root, {}); });
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
    const Json& records = root.at("records");
    const bool has_tokens = std::any_of(records.begin(), records.end(), [](const Json& record) {
      return record.contains("topk_ids_of_layer");
    });
    visitor.header(sglang_header(has_tokens, map));
    for (const Json& record : records) visit_sglang_record(visitor, record, has_tokens, map);
  });
}

// A map stands in an entry, or in one before it.
void walk_vllm(const InputFile& file, RecordVisitor& visitor) {
  visitor.header({.source = "vllm/expert_load"});
  PhysicalMap map;
  std::int64_t next = 0;
  const auto visit = [&](const Json& entry, const std::string&) {
    if (entry.contains("physical_to_logical_map")) map.set(entry["physical_to_logical_map"]);
    if (map.empty()) visitor.header({.notes = kNoMapNote});
    const Json& load = entry.contains("expert_load_window") ? entry["expert_load_window"]
                                                            : entry.at("expert_load_pass");
    const std::int64_t step = entry.value("step", next);
    visit_steps(visitor, load, step, entry.value("rank", -1), map);
    next = step + 1;
  };
  for_each_entry(file, visit);
}

void walk_tensorrt_llm(const InputFile& file, RecordVisitor& visitor) {
  with_json(file, [&](const Json& root) {
    visitor.header({.source = "tensorrt-llm/statistics",
                    .experts = root.value("num_experts", 0),
                    .top_k = root.value("num_experts_per_token", 0)});
    const int rank = root.value("rank", -1);
    std::map<Iteration, const Json*> entries;  // "10_3" is after "9_3"
    for (const auto& [key, value] : root.items())
      if (const auto iteration = parse_iteration(key)) entries[*iteration] = &value;
    for (const auto& [iteration, value] : entries)
      visit_iteration(visitor, iteration, rank, *value);
  });
}

// A line is a request, or the document one; vLLM nests it under choices.
void walk_routed_experts(const InputFile& file, RecordVisitor& visitor) {
  visitor.header({.source = "routed_experts", .order = IdOrder::kScore});
  std::int64_t request = 0;
  const auto visit = [&](const Json& entry, const std::string&) {
    if (entry.contains("routed_experts"))
      return visit_request(visitor, request++, entry["routed_experts"]);
    for (const Json& choice : entry.at("choices"))
      visit_request(visitor, request++, choice.at("routed_experts"));
  };
  for_each_entry(file, visit);
}

void walk_tape(const InputFile& file, RecordVisitor& visitor) {
  visitor.header({.source = "tape/load_history"});
  with_json(file, [&](const Json& root) {
    std::int64_t step = 0;
    for (const Json& entry : root.at("load_history"))
      visit_steps(visitor, entry.at("logical_expert_load"), step++, -1, {});
  });
}

}  // namespace moesim
