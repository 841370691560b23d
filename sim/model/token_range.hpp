// Which of its new tokens a GPU brings to a part of a step.
#pragma once

#include "sim/base/ids.hpp"

namespace moesim {

// Some of the new tokens of a GPU, in the order of its sequences.
struct TokenRange {
  int first = 0, tokens = 0;
  auto operator<=>(const TokenRange&) const = default;
  int end() const { return first + tokens; }
};

using TokenRanges = IdVector<GpuId, TokenRange>;  // [gpus]

}  // namespace moesim
