#include "sim/serving/token_gaps.hpp"

#include <algorithm>

namespace moesim {

void TokenGaps::merge() {
  std::sort(gaps_.begin(), gaps_.end(),
            [](const TokenGap& a, const TokenGap& b) { return a.seconds < b.seconds; });
  std::vector<TokenGap> merged;
  for (const TokenGap& gap : gaps_) {
    if (!merged.empty() && merged.back().seconds == gap.seconds)
      merged.back().count += gap.count;
    else
      merged.push_back(gap);
  }
  gaps_ = std::move(merged);
  limit_ = std::max(limit_, 2 * gaps_.size());
}

std::vector<TokenGap> TokenGaps::by_length() {
  merge();
  return gaps_;
}

}  // namespace moesim
