#include "sim/trace/convert.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "sim/base/check.hpp"
#include "sim/base/text_file.hpp"
#include "sim/base/yaml.hpp"
#include "sim/trace/assemble.hpp"
#include "sim/trace/hdf5_reader.hpp"
#include "sim/trace/serving_records.hpp"

namespace moesim {
namespace {

using Json = nlohmann::json;

// A key of an object, and the form whose objects have it.
struct Mark {
  const char* key;
  const char* form;
};
constexpr Mark kLineMarks[] = {{"t", "moetrace"},
                               {"top_indices", "megatron"},
                               {"exp_ids", "olmoe"},
                               {"topk_experts", "moe-balance"}};
constexpr Mark kDocumentMarks[] = {
    {"load_history", "tape"},      {"logical_count", "sglang"},
    {"records", "sglang"},         {"routed_experts", "routed-experts"},
    {"choices", "routed-experts"}, {"expert_load_window", "vllm"},
    {"expert_load_pass", "vllm"}};

// Bytes that tell forms apart: the first member's name is among them in an archive.
constexpr std::size_t kStart = 256;

std::string form_of_object(const Json& object) {
  if (!object.is_object()) return {};
  for (const Mark& mark : kLineMarks)
    if (object.contains(mark.key)) return mark.form;
  for (const Mark& mark : kDocumentMarks)
    if (object.contains(mark.key)) return mark.form;
  for (const auto& [key, value] : object.items())
    if (parse_iteration(key)) return "tensorrt-llm";
  return {};
}

std::string form_of_columns(const std::string& line) {
  std::set<std::string> columns;
  for (std::size_t at = 0; at <= line.size();) {
    const std::size_t comma = std::min(line.find(',', at), line.size());
    columns.insert(line.substr(at, comma - at));
    at = comma + 1;
  }
  const bool layer = columns.contains("layer") || columns.contains("layer_id");
  if (layer && columns.contains("e0")) return "routes-csv";
  if (layer && columns.contains("count")) return "load-csv";
  return {};
}

[[noreturn]] void refuse(const InputFile& file, const std::string& seen) {
  std::vector<std::string> names;
  for (const TraceForm& form : trace_forms()) names.push_back(form.name);
  throw InputError(file.spot(), fmt::format("cannot tell what form this has: {}", seen),
                   fmt::format("known: {}; name one with --from", fmt::join(names, ", ")));
}

std::string text_form(const InputFile& file) {
  LineReader lines(file.path, file.shown);
  std::string first;
  while (first.find_first_not_of(" \t") == std::string::npos)
    if (!lines.next(first)) refuse(file, "it is empty");
  if (first[first.find_first_not_of(" \t")] != '{') {
    if (const std::string form = form_of_columns(first); !form.empty()) return form;
    refuse(file, fmt::format("it starts with '{}'", first.substr(0, 40)));
  }
  Json object = Json::parse(first, nullptr, false);
  if (object.is_discarded()) object = parse_json(read_bytes(file.path, file.shown), file.shown);
  if (const std::string form = form_of_object(object); !form.empty()) return form;
  std::vector<std::string> keys;
  for (const auto& [key, value] : object.items())
    if (keys.size() < 8) keys.push_back(key);
  refuse(file, fmt::format("it is JSON with the keys '{}'", fmt::join(keys, "', '")));
}

const TraceForm& find_form(const std::string& name) {
  const auto found = std::find_if(trace_forms().begin(), trace_forms().end(),
                                  [&](const TraceForm& form) { return form.name == name; });
  if (found != trace_forms().end()) return *found;
  std::vector<std::string> names;
  for (const TraceForm& form : trace_forms()) names.push_back(form.name);
  throw InputError({.source = text_source("--from", name, true)},
                   fmt::format("no form is called '{}'", name), hint_for(name, names));
}

}  // namespace

Spot InputFile::spot() const { return {.source = text_source(shown, "")}; }

const std::vector<TraceForm>& trace_forms() {
  static const std::vector<TraceForm> forms = {
      {"hdf5", "moesim's own (schema moesim.trace/1)", walk_hdf5},
      {"load-csv", "step,layer,expert,count; also SGLang's layer_id,expert_id,count",
       walk_load_csv},
      {"megatron", "router_trace JSONL of Megatron-LM", walk_megatron},
      {"moe-balance", "JSONL with layer, batch_id and topk_experts", walk_moe_balance},
      {"moetrace", "the neutral JSONL (moetrace/1)", walk_moetrace},
      {"npy", "ids [tokens][layers] or [tokens][layers][k]", walk_npy},
      {"npz", "topk_ids with weights, domain, sequence, position, logits", walk_npz},
      {"olmoe", "JSONL with exp_ids [tokens][k][layers]", walk_olmoe},
      {"routes-csv", "step,rank,token,layer,e0,…[,w0,…]", walk_routes_csv},
      {"routed-experts", "JSON or JSONL with routed_experts [tokens][layers][k] of a request",
       walk_routed_experts},
      {"safetensors", "TensorRT-LLM's rankN.safetensors, vLLM's expert_load_window",
       walk_safetensors},
      {"sglang", "expert distribution recorder as JSON: logical_count, or records", walk_sglang},
      {"sglang-pt", "expert distribution recorder as torch.save writes it", walk_sglang_pt},
      {"tape", "JSON with load_history", walk_tape},
      {"tensorrt-llm", "JSON with a key ITERATION_LAYER per entry", walk_tensorrt_llm},
      {"vllm", "JSON or JSONL with expert_load_window or expert_load_pass", walk_vllm}};
  return forms;
}

const TraceForm& detect_form(const InputFile& file) {
  if (is_hdf5(file.path)) return find_form("hdf5");
  ByteReader reader(file.path, file.shown);
  std::string start(kStart, '\0');
  start.resize(reader.read(start.data(), start.size()));
  if (start.starts_with("\x93NUMPY")) return find_form("npy");
  if (start.starts_with("PK\x03\x04"))
    return find_form(start.find("data.pkl") < start.size() ? "sglang-pt" : "npz");
  if (start.size() > 8 && start[8] == '{' && start.substr(4, 4) == std::string(4, '\0'))
    return find_form("safetensors");
  start.resize(std::min<std::size_t>(start.size(), 8));
  const bool binary = std::any_of(start.begin(), start.end(),
                                  [](char c) { return static_cast<unsigned char>(c) < 9; });
  if (binary) {
    std::string bytes;
    for (const char c : start) bytes += fmt::format(" {:02x}", static_cast<unsigned char>(c));
    refuse(file, "it starts with the bytes" + bytes);
  }
  return find_form(text_form(file));
}

void convert_trace(const std::vector<InputFile>& files, const ConvertOptions& options,
                   TraceSink& sink) {
  MOESIM_CHECK(!files.empty(), "there is something to convert");
  std::vector<const TraceForm*> forms;
  for (const InputFile& file : files)
    forms.push_back(options.form.empty() ? &detect_form(file) : &find_form(options.form));
  HeaderScan scan;
  for (std::size_t i = 0; i < files.size(); ++i) forms[i]->walk(files[i], scan);
  const TraceHeader header = scan.result(options, files.front().spot());
  sink.begin(header);
  Assembler assembler(header, sink);
  for (std::size_t i = 0; i < files.size(); ++i) {
    assembler.set_file(files[i]);
    forms[i]->walk(files[i], assembler);
  }
  assembler.flush();
  sink.finish();
}

}  // namespace moesim
