// The tokens of a recorded trace, by row: held in memory where the trace is small, else read from
// the file as they are asked for.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sim/trace/hdf5_reader.hpp"

namespace moesim {

class TokenStore {
 public:
  // Traces whose ids take no more than this are held, and only those can be read in any order.
  static constexpr double kHeldBytes = 64e6;

  TokenStore(const std::filesystem::path& path, const std::string& shown, const Spot& spot);

  const Hdf5Trace& file() const { return file_; }
  bool is_held() const { return !held_ids_.empty(); }

  // Of the rows, one after another, in one layer: [rows × k].
  std::vector<std::int16_t> ids(std::span<const std::uint32_t> rows, int layer) const;
  std::vector<float> weights(std::span<const std::uint32_t> rows, int layer) const;
  // Of all tokens that have some, in one layer: [file().logit_tokens() × experts]. Layers that were
  // read stay in memory as long as all of them together would be small.
  const std::vector<float>& logits(int layer) const;

 private:
  Hdf5Trace file_;
  std::vector<std::vector<std::int16_t>> held_ids_;      // per layer: [tokens × k]
  mutable std::vector<std::vector<float>> held_logits_;  // per layer; empty: not read yet
};

}  // namespace moesim
