// Where two-batch overlap divides the prompts of a prefill (SGLang; policies.md 4.4).
#pragma once

#include <span>

namespace moesim {

struct PrefillSplit {
  bool inside_prompt = false;  // "two-chunk": the cut is inside the prompt `prompt`
  int prompt = 0;              // the first of the second batch, or the one that is cut
  int tokens = 0;              // of the first batch
};

// `prompts`: tokens of each, at least one. Between two prompts, where the halves differ least; if a
// half would have less than a share of `threshold` (0 to 0.5) of the tokens, in the middle of all
// tokens.
PrefillSplit split_prefill(std::span<const int> prompts, double threshold);

}  // namespace moesim
