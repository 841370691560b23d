// What a recorded trace holds, and who takes it: the neutral form between every file format.
//
// A trace is a sequence of batches in the order of the recording. A token batch has, for the tokens
// that one rank worked on in one step, the experts they asked for in every layer. A count batch
// only has how often each expert was asked for. A file may have either kind, or both.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace moesim {

// How the k ids of a token are ordered.
enum class IdOrder { kScore, kId, kUnknown };
std::string to_string(IdOrder order);  // "score", "id", "unknown"

enum class FloatWidth { kNone = 0, kHalf = 16, kSingle = 32 };

struct TraceHeader {
  std::string model;   // empty: not known
  std::string source;  // what recorded it, such as "sglang/per_token"
  std::string notes;
  int experts = 0;
  int top_k = 0;                           // 0: counts only
  std::vector<int> layers;                 // MoE layers as the model numbers them
  IdOrder order = IdOrder::kUnknown;       // by falling score, ascending, or not known
  bool absent_ids = false;                 // an id may be −1 (padding, dropped, not recorded)
  FloatWidth weights = FloatWidth::kNone;  // of the chosen experts
  FloatWidth logits = FloatWidth::kNone;   // router logits, of all or some tokens
  bool requests = false, positions = false;
  std::vector<std::string> domains;  // names; empty: tokens have no domain

  int layer_count() const { return static_cast<int>(layers.size()); }
  bool operator==(const TraceHeader&) const = default;
};

struct TokenBatch {
  std::int64_t step = 0;
  int rank = -1;  // where the tokens were; −1 = not known
  int tokens = 0;
  std::vector<std::int16_t> ids;           // [tokens × layers × k], −1 = absent
  std::vector<float> weights;              // [tokens × layers × k], where the header has them
  std::vector<std::int64_t> requests;      // [tokens], where the header has them
  std::vector<std::int32_t> positions;     // [tokens], where the header has them; −1 = not known
  std::vector<std::int16_t> domains;       // [tokens], where the header has names; −1 = not known
  std::vector<std::int32_t> logit_tokens;  // tokens of this batch that have logits, ascending
  std::vector<float> logits;               // [logit_tokens × layers × experts]

  bool operator==(const TokenBatch&) const = default;
};

struct CountBatch {
  std::int64_t step = 0;
  int rank = -1;                     // −1 = summed over ranks
  std::vector<std::int64_t> counts;  // routes, [layers × experts]

  bool operator==(const CountBatch&) const = default;
};

// Takes a trace: begin once, then batches, then finish once.
class TraceSink {
 public:
  virtual ~TraceSink() = default;
  virtual void begin(const TraceHeader& header) = 0;
  virtual void tokens(const TokenBatch& batch) = 0;
  virtual void counts(const CountBatch& batch) = 0;
  // A moetrace record of another type (placement, comm, request, …), as one line of JSON.
  virtual void record(const std::string& line) = 0;
  virtual void finish() = 0;
};

}  // namespace moesim
