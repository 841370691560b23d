// Puts the pieces that a form's walker finds together: first into a header, then into batches.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "sim/trace/convert.hpp"

namespace moesim {

// First pass: how large the trace is and which columns it has.
class HeaderScan final : public RecordVisitor {
 public:
  void header(const TraceHeader& known) override;
  void batch(std::int64_t, int, int) override {}
  void routes(RouteRows rows) override;
  void counts(LayerCounts counts) override;
  void columns(TokenColumns columns) override;
  void record(std::string) override {}

  // The header, with the options in place of what files do not say. Throws InputError at `spot`
  // where there is no routing at all, or it contradicts the header of a file or the options.
  TraceHeader result(const ConvertOptions& options, const Spot& spot) const;

 private:
  TraceHeader known_;
  std::set<int> layers_;
  std::set<std::string> domain_set_;
  std::vector<std::string> domains_;  // in the order of appearance
  int highest_id_ = -1, top_k_ = 0, experts_ = 0;
  bool absent_ = false, weights_ = false, logits_ = false, requests_ = false, positions_ = false;
};

// Second pass: batches to the sink, step by step.
class Assembler final : public RecordVisitor {
 public:
  Assembler(const TraceHeader& header, TraceSink& sink);

  // What follows is from this file.
  void set_file(const InputFile& file);

  void header(const TraceHeader&) override {}
  void batch(std::int64_t step, int rank, int tokens) override;
  void routes(RouteRows rows) override;
  void counts(LayerCounts counts) override;
  void columns(TokenColumns columns) override;
  void record(std::string line) override;
  // All that is still open goes to the sink.
  void flush();

 private:
  TokenBatch& open_batch(std::int64_t step, int rank);
  void grow(TokenBatch& batch, std::int64_t tokens);
  void add_logits(TokenBatch& batch, const RouteRows& rows);
  void open_step(std::int64_t step);
  void close_step(std::int64_t step);
  void pass_records_on();
  std::size_t layer_index(int layer) const { return layer_index_.at(layer); }

  // Lines of neighbouring steps may be mixed, by as many steps as this.
  static constexpr std::size_t kOpenSteps = 8;

  TraceHeader header_;
  TraceSink& sink_;
  Spot spot_;
  std::map<int, std::size_t> layer_index_;
  std::map<std::string, std::int16_t> domain_index_;
  // What is open, in the order in which it began.
  std::vector<TokenBatch> batches_;
  std::vector<CountBatch> counts_;
  std::vector<std::string> records_;
  std::vector<std::int64_t> open_steps_;
  std::set<std::int64_t> closed_steps_;
};

}  // namespace moesim
