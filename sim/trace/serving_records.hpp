// What serving systems record, as JSON, whatever form the file around it has.
//
// Like the functions of json_rows.hpp, these throw InputError without a place, and
// nlohmann::json::exception where a type is wrong.
#pragma once

#include <optional>
#include <string>

#include "sim/trace/json_rows.hpp"

namespace moesim {

// For TraceHeader::notes.
inline constexpr const char* kNoMapNote =
    "no physical_to_logical_map was recorded: physical experts are taken for logical ones";

// Counts [steps][layers][experts], or one step without the first axis; physical where there is a
// map.
void visit_steps(RecordVisitor& visitor, const nlohmann::json& steps, std::int64_t first, int rank,
                 const PhysicalMap& map);

// What SGLang's recorder says of a dump of `records`.
TraceHeader sglang_header(bool has_tokens, const PhysicalMap& map);
// A record of it: the routes of its tokens, or where no record has any, its counts.
void visit_sglang_record(RecordVisitor& visitor, const nlohmann::json& record, bool has_tokens,
                         const PhysicalMap& map);

// "ITERATION_LAYER", TensorRT-LLM's name of what was recorded of a layer call.
struct Iteration {
  std::int64_t step = 0;
  int layer = 0;
  auto operator<=>(const Iteration&) const = default;
};
std::optional<Iteration> parse_iteration(const std::string& key);
// [experts] counts, or [tokens][k] ids (the raw files).
void visit_iteration(RecordVisitor& visitor, const Iteration& iteration, int rank,
                     const nlohmann::json& value);

// [tokens][layers][k] ids of one request, as vLLM and SGLang return them with its answer.
void visit_request(RecordVisitor& visitor, std::int64_t request, const nlohmann::json& routes);

}  // namespace moesim
