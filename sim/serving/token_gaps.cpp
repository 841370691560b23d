#include "sim/serving/token_gaps.hpp"

#include <algorithm>

namespace moesim {

void TokenGaps::add(const TokenGap& gap) {
  // Beyond so many others an equal one is not worth the search.
  constexpr int kLookBack = 16;
  if (gap.count == 0) return;
  int looked = 0;
  for (auto other = gaps_.rbegin(); other != gaps_.rend() && other->end == gap.end; ++other) {
    if (other->seconds == gap.seconds && other->kind == gap.kind) {
      other->count += gap.count;
      return;
    }
    if (++looked == kLookBack) break;
  }
  gaps_.push_back(gap);
}

std::vector<TokenGap> TokenGaps::by_end() const {
  std::vector<TokenGap> sorted = gaps_;
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const TokenGap& a, const TokenGap& b) { return a.end < b.end; });
  return sorted;
}

}  // namespace moesim
