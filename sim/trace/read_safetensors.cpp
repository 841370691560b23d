// Safetensors that serving systems write: TensorRT-LLM's statistics of a rank, with meta_info.json
// beside them, and vLLM's load windows (policies.md 6.2, 6.3).
#include <fmt/format.h>

#include <charconv>

#include "sim/trace/safetensors.hpp"
#include "sim/trace/serving_records.hpp"

namespace moesim {
namespace {

using Json = nlohmann::json;
using Tensors = std::map<std::string, NpyArray>;

// "rank3.safetensors" and "rank3_raw.safetensors": 3.
int rank_of(const std::filesystem::path& path) {
  const std::string name = path.filename().string();
  int rank = -1;
  if (name.starts_with("rank")) std::from_chars(name.data() + 4, name.data() + name.size(), rank);
  return rank;
}

TraceHeader statistics_header(const InputFile& file) {
  TraceHeader header{.source = "tensorrt-llm/statistics"};
  const std::filesystem::path meta = file.path.parent_path() / "meta_info.json";
  if (!std::filesystem::exists(meta)) return header;
  const std::string shown = (std::filesystem::path(file.shown).parent_path() / meta.filename());
  with_json({.path = meta, .shown = shown}, [&](const Json& root) {
    header.experts = root.value("num_experts", 0);
    header.top_k = root.value("num_experts_per_token", 0);
  });
  return header;
}

void walk_windows(const Tensors& tensors, const NpyArray& load, RecordVisitor& visitor) {
  TraceHeader header{.source = "vllm/expert_load"};
  PhysicalMap map;
  if (const auto found = tensors.find("physical_to_logical_map"); found != tensors.end())
    map.set(nested_json(found->second));
  if (map.empty()) header.notes = kNoMapNote;
  visitor.header(header);
  visit_steps(visitor, nested_json(load), 0, -1, map);
}

}  // namespace

void walk_safetensors(const InputFile& file, RecordVisitor& visitor) {
  const Tensors tensors = parse_safetensors(read_bytes(file.path, file.shown), file.spot());
  place_mistakes(
      [&] {
        for (const char* name : {"expert_load_window", "expert_load_pass"})
          if (const auto found = tensors.find(name); found != tensors.end())
            return walk_windows(tensors, found->second, visitor);
        std::map<Iteration, const NpyArray*> calls;
        for (const auto& [name, tensor] : tensors)
          if (const auto iteration = parse_iteration(name)) calls[*iteration] = &tensor;
        if (calls.empty())
          throw InputError(Spot{}, "no tensor is called 'ITERATION_LAYER' or 'expert_load_window'");
        visitor.header(statistics_header(file));
        for (const auto& [iteration, tensor] : calls)
          visit_iteration(visitor, iteration, rank_of(file.path), nested_json(*tensor));
      },
      [&] { return file.spot(); });
}

}  // namespace moesim
