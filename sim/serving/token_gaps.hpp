// Counts the gaps between successive tokens of requests: most requests of a step have the same.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/model/serving_result.hpp"

namespace moesim {

class TokenGaps {
 public:
  void add(double seconds, std::int64_t count) {
    if (count == 0) return;
    if (!gaps_.empty() && gaps_.back().seconds == seconds) {
      gaps_.back().count += count;
      return;
    }
    if (gaps_.size() >= limit_) merge();
    gaps_.push_back({.seconds = seconds, .count = count});
  }
  std::vector<TokenGap> by_length();

 private:
  void merge();  // equal ones, and sorts them

  std::vector<TokenGap> gaps_;
  std::size_t limit_ = std::size_t{1} << 20;
};

}  // namespace moesim
