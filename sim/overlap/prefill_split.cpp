#include "sim/overlap/prefill_split.hpp"

#include <cstdlib>
#include <numeric>

namespace moesim {
namespace {

// Of equally good cuts the later one; the differences fall, then rise.
int best_cut(std::span<const int> prompts, int total) {
  int best = 0, least = total, before = 0;
  for (std::size_t cut = 1; cut < prompts.size(); ++cut) {
    before += prompts[cut - 1];
    const int difference = std::abs(2 * before - total);
    if (difference > least) break;
    least = difference;
    best = static_cast<int>(cut);
  }
  return best;
}

}  // namespace

PrefillSplit split_prefill(std::span<const int> prompts, double threshold) {
  const int total = std::accumulate(prompts.begin(), prompts.end(), 0);
  PrefillSplit split{.prompt = best_cut(prompts, total)};
  for (int i = 0; i < split.prompt; ++i) split.tokens += prompts[static_cast<std::size_t>(i)];
  const double share = static_cast<double>(split.tokens) / total;
  if (share >= threshold && share <= 1 - threshold) return split;
  split = {.inside_prompt = true, .tokens = total / 2};
  for (int end = prompts[0]; end <= split.tokens;
       end += prompts[static_cast<std::size_t>(split.prompt)])
    ++split.prompt;
  return split;
}

}  // namespace moesim
