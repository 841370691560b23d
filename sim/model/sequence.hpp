// The sequences that the new tokens of a step belong to: what a token attends to.
#pragma once

#include <vector>

namespace moesim {

// A sequence in one step of one GPU: a prompt, a part of one, or an answer under way.
struct Sequence {
  double new_tokens = 0;
  double earlier = 0;   // tokens in the KV cache before them
  bool decode = false;  // an answer under way; its new tokens are the next one and its drafts
  bool operator==(const Sequence&) const = default;
};
using Sequences = std::vector<Sequence>;

double new_tokens(const Sequences& sequences);

// New tokens `first` .. `first` + `tokens` of them, in order; sequences are cut at both ends. After
// the last the first follows again.
Sequences slice(const Sequences& sequences, double first, double tokens);

// `tokens` in prompts of the given lengths, as many as there is room for; the last may be cut. A
// part of a prompt stands where the mean of its parts stands. The last length serves all further
// prompts.
Sequences prompts(double tokens, const std::vector<double>& lengths);

// Sequences with so many tokens each in their KV cache.
Sequences answers(const std::vector<double>& cached, double new_tokens_each = 1);

}  // namespace moesim
