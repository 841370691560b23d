// Counts the gaps between successive tokens of requests: most requests of a step have the same.
#pragma once

#include <vector>

#include "sim/model/serving_result.hpp"

namespace moesim {

class TokenGaps {
 public:
  // Gaps of one end come one after the other; equal ones of a class are counted together.
  void add(const TokenGap& gap);
  // In the order of their ends.
  std::vector<TokenGap> by_end() const;

 private:
  std::vector<TokenGap> gaps_;
};

}  // namespace moesim
