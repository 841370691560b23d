// A sink that keeps a whole trace, and small traces to put through files.
#pragma once

#include <numeric>
#include <string>
#include <vector>

#include "sim/trace/trace_record.hpp"

namespace moesim {

struct Collected final : TraceSink {
  TraceHeader header;
  std::vector<TokenBatch> token_batches;
  std::vector<CountBatch> count_batches;
  std::vector<std::string> records;
  bool finished = false;

  void begin(const TraceHeader& given) override { header = given; }
  void tokens(const TokenBatch& batch) override { token_batches.push_back(batch); }
  void counts(const CountBatch& batch) override { count_batches.push_back(batch); }
  void record(const std::string& line) override { records.push_back(line); }
  void finish() override { finished = true; }

  void replay(TraceSink& sink) const {
    sink.begin(header);
    for (const TokenBatch& batch : token_batches) sink.tokens(batch);
    for (const CountBatch& batch : count_batches) sink.counts(batch);
    for (const std::string& line : records) sink.record(line);
    sink.finish();
  }
  bool operator==(const Collected& other) const {
    return header == other.header && token_batches == other.token_batches &&
           count_batches == other.count_batches && records == other.records;
  }
};

inline TraceHeader numbered_header(int experts, int top_k, int layers) {
  TraceHeader header{.experts = experts, .top_k = top_k};
  header.layers.resize(static_cast<std::size_t>(layers));
  std::iota(header.layers.begin(), header.layers.end(), 0);
  return header;
}

// Two layers, top-2 of 4 experts, and nothing but ids.
inline Collected bare_trace() {
  Collected trace;
  trace.header = numbered_header(4, 2, 2);
  trace.token_batches = {{.tokens = 3, .ids = {0, 1, 2, 3, 1, 2, 3, 0, 3, 1, 0, 2}}};
  trace.finished = true;
  return trace;
}

// Every column there is, over two steps and two ranks.
inline Collected full_trace() {
  Collected trace;
  trace.header = {.model = "tiny",
                  .source = "test",
                  .notes = "made up",
                  .experts = 5,
                  .top_k = 2,
                  .layers = {3, 7},
                  .order = IdOrder::kScore,
                  .absent_ids = true,
                  .weights = FloatWidth::kSingle,
                  .logits = FloatWidth::kHalf,
                  .requests = true,
                  .positions = true,
                  .domains = {"prose", "code"}};
  trace.token_batches = {{.step = 4,
                          .rank = 0,
                          .tokens = 2,
                          .ids = {0, 1, 4, -1, 3, 2, 1, 0},
                          .weights = {0.5f, 0.25f, 0.1f, 0, 0.7f, 0.3f, 0.6f, 0.2f},
                          .requests = {17, 1099511627776},
                          .positions = {0, 5},
                          .domains = {0, 1},
                          .logit_tokens = {1},
                          .logits = {1, 2, -0.5f, 0.25f, 0, 4, 3, 2, 1, -1}},
                         {.step = 4, .rank = 1},
                         {.step = 5,
                          .rank = 1,
                          .tokens = 1,
                          .ids = {2, 0, 2, 4},
                          .weights = {0.9f, 0.05f, 0.4f, 0.35f},
                          .requests = {18},
                          .positions = {-1},
                          .domains = {-1}}};
  trace.records = {R"({"t":"metric","step":4,"name":"balancedness","value":0.71})"};
  trace.finished = true;
  return trace;
}

inline Collected count_trace() {
  Collected trace;
  trace.header = numbered_header(3, 0, 2);
  trace.header.source = "sglang/stat";
  trace.count_batches = {{.step = 0, .counts = {5, 0, 3, 1, 2, 5000000000}},
                         {.step = 1, .rank = 2, .counts = {1, 1, 6, 8, 0, 0}}};
  trace.finished = true;
  return trace;
}

}  // namespace moesim
