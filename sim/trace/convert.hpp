// Reads recorded routing in the forms that serving and training systems write (policies.md 6).
//
// Every form is a function that walks over a file and says what it finds, piece by piece. A file is
// walked twice: first to learn its size (experts, layers, top-k), then to hand batches to a sink.
// So memory is that of a few steps where the form is read line by line.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "sim/base/error.hpp"
#include "sim/trace/trace_record.hpp"

namespace moesim {

// Rows of one layer call: what some tokens of a batch asked for in one layer.
struct RouteRows {
  std::int64_t step = 0;
  int rank = -1;
  int layer = 0;          // as the model numbers it
  std::int64_t row0 = 0;  // the first token's place in its batch
  int top_k = 0;
  std::vector<std::int16_t> ids;         // logical, [rows × top_k], −1 = absent
  std::vector<float> weights;            // [rows × top_k]; empty: not recorded
  std::vector<std::int32_t> logit_rows;  // rows (from 0) that have logits
  std::vector<float> logits;             // [logit_rows × experts]
};

// Counts of one layer in a step.
struct LayerCounts {
  std::int64_t step = 0;
  int rank = -1;  // −1 = summed over ranks
  int layer = 0;
  std::vector<std::int64_t> counts;  // per logical expert
};

// What is known of the tokens of a batch beside their routes; columns may be empty.
struct TokenColumns {
  std::int64_t step = 0;
  int rank = -1;
  std::int64_t row0 = 0;
  std::vector<std::int64_t> requests;
  std::vector<std::int32_t> positions;
  std::vector<std::string> domains;
};

class RecordVisitor {
 public:
  virtual ~RecordVisitor() = default;
  // What a file says of itself. Zero and empty members are not known.
  virtual void header(const TraceHeader& known) = 0;
  // A batch begins; one of the same step and rank that is open is complete. tokens −1: only counts.
  virtual void batch(std::int64_t step, int rank, int tokens) = 0;
  virtual void routes(RouteRows rows) = 0;
  virtual void counts(LayerCounts counts) = 0;
  virtual void columns(TokenColumns columns) = 0;
  virtual void record(std::string line) = 0;
};

struct InputFile {
  std::filesystem::path path;
  std::string shown;  // its name in messages
  Spot spot() const;  // the file as a whole
};

struct TraceForm {
  std::string name;
  std::string summary;
  void (*walk)(const InputFile& file, RecordVisitor& visitor);
};

// The forms there are, by name.
const std::vector<TraceForm>& trace_forms();

// Which form a file has, by its content. Throws InputError where none fits, with what was seen.
const TraceForm& detect_form(const InputFile& file);

struct ConvertOptions {
  std::string form;   // empty: by content
  int experts = 0;    // 0: the highest id seen, plus one
  std::string model;  // empty: as the files say
};

// Reads the files, as one trace, into the sink. Throws InputError.
void convert_trace(const std::vector<InputFile>& files, const ConvertOptions& options,
                   TraceSink& sink);

// The walkers.
void walk_hdf5(const InputFile& file, RecordVisitor& visitor);
void walk_moetrace(const InputFile& file, RecordVisitor& visitor);
void walk_load_csv(const InputFile& file, RecordVisitor& visitor);
void walk_routes_csv(const InputFile& file, RecordVisitor& visitor);
void walk_megatron(const InputFile& file, RecordVisitor& visitor);
void walk_olmoe(const InputFile& file, RecordVisitor& visitor);
void walk_moe_balance(const InputFile& file, RecordVisitor& visitor);
void walk_sglang(const InputFile& file, RecordVisitor& visitor);
void walk_sglang_pt(const InputFile& file, RecordVisitor& visitor);
void walk_routed_experts(const InputFile& file, RecordVisitor& visitor);
void walk_safetensors(const InputFile& file, RecordVisitor& visitor);
void walk_vllm(const InputFile& file, RecordVisitor& visitor);
void walk_tensorrt_llm(const InputFile& file, RecordVisitor& visitor);
void walk_tape(const InputFile& file, RecordVisitor& visitor);
void walk_npy(const InputFile& file, RecordVisitor& visitor);
void walk_npz(const InputFile& file, RecordVisitor& visitor);

}  // namespace moesim
