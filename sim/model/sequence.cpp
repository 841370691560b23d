#include "sim/model/sequence.hpp"

#include <algorithm>
#include <cmath>

#include "sim/base/check.hpp"

namespace moesim {

double new_tokens(const Sequences& sequences) {
  double sum = 0;
  for (const Sequence& sequence : sequences) sum += sequence.new_tokens;
  return sum;
}

Sequences slice(const Sequences& sequences, double first, double tokens) {
  Sequences cut;
  if (tokens <= 0) return cut;
  const double all = new_tokens(sequences);
  MOESIM_CHECK(all > 0, "a slice of sequences without tokens");
  double skipped = std::fmod(first, all);
  for (std::size_t at = 0; tokens > 0; at = (at + 1) % sequences.size()) {
    const Sequence& whole = sequences[at];
    if (skipped >= whole.new_tokens) {
      skipped -= whole.new_tokens;
      continue;
    }
    const double taken = std::min(tokens, whole.new_tokens - skipped);
    cut.push_back(
        {.new_tokens = taken, .earlier = whole.earlier + skipped, .decode = whole.decode});
    tokens -= taken;
    skipped = 0;
  }
  return cut;
}

Sequences prompts(double tokens, const std::vector<double>& lengths) {
  Sequences all;
  for (std::size_t i = 0; tokens > 0; ++i) {
    const double length = lengths[std::min(i, lengths.size() - 1)];
    const double taken = std::min(tokens, length);
    all.push_back({.new_tokens = taken, .earlier = (length - taken) / 2});
    tokens -= taken;
  }
  return all;
}

Sequences answers(const std::vector<double>& cached, double new_tokens_each) {
  Sequences all;
  for (const double tokens : cached)
    all.push_back({.new_tokens = new_tokens_each, .earlier = tokens, .decode = true});
  return all;
}

}  // namespace moesim
