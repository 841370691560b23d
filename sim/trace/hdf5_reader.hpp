// Reads a trace from HDF5 (schema `moesim.trace/1`, scenarios/README.md), a part at a time.
#pragma once

#include <string>
#include <vector>

#include "sim/trace/hdf5_file.hpp"
#include "sim/trace/trace_record.hpp"

namespace moesim {

class Hdf5Trace {
 public:
  // Opens the file and checks that its parts fit each other. `spot` is where it is asked for.
  // Throws InputError: not HDF5, damaged, or another schema.
  Hdf5Trace(const std::filesystem::path& path, const std::string& shown, const Spot& spot);

  const TraceHeader& header() const { return header_; }
  std::int64_t tokens() const { return tokens_; }
  std::int64_t count_batches() const { return std::ssize(count_steps_); }
  std::int64_t steps() const;                    // distinct ones
  double id_bytes() const { return id_bytes_; }  // of the ids in the file, uncompressed

  // The readers below throw InputError where the data is damaged or an id is no expert. `layer` is
  // an index into header().layers; −1 = all, one after another within each token.
  // Expert ids of tokens first .. first + count: [count × (layers ×) k].
  std::vector<std::int16_t> ids(std::int64_t first, std::int64_t count, int layer) const;
  std::vector<float> weights(std::int64_t first, std::int64_t count, int layer) const;
  std::vector<std::int16_t> domains() const;  // of all tokens
  // The tokens that have logits, ascending, and the logits of rows first .. first + count of that
  // list: [count × (layers ×) experts].
  std::vector<std::int64_t> logit_tokens() const;
  std::vector<float> logits(std::int64_t first, std::int64_t count, int layer) const;
  // Routes per expert of a count batch, [layers × experts], and the step of each batch.
  std::vector<std::int64_t> counts(std::int64_t batch) const;
  const std::vector<std::int64_t>& count_steps() const { return count_steps_; }

  // Gives everything to the sink, batch by batch.
  void replay(TraceSink& sink) const;

 private:
  void read_header();
  void open_tokens();
  void open_logits();
  void open_counts();
  void check_domains(const std::vector<std::int16_t>& domains) const;
  std::vector<float> floats(const Hdf5Handle& dataset, FloatWidth width, std::int64_t first,
                            std::int64_t count, int layer, int row) const;
  TokenBatch read_batch(std::size_t batch, std::int64_t first, std::size_t& logit_row,
                        const std::vector<std::int64_t>& logit_tokens) const;

  Hdf5File file_;
  Hdf5Handle half_;
  TraceHeader header_;
  Hdf5Handle ids_, weights_, requests_, positions_, domains_, logit_token_, logits_, counts_;
  std::int64_t tokens_ = 0;
  double id_bytes_ = 0;
  bool narrow_ = false;  // ids of one byte
  std::vector<std::int64_t> batch_steps_, batch_tokens_, count_steps_;
  std::vector<std::int32_t> batch_ranks_, count_ranks_;
};

}  // namespace moesim
