// Padding of an expert's rows where they are computed (policies.md 2.1, 2.5).
#pragma once

#include "sim/capacity/capacity.hpp"

namespace moesim {

inline Parameter row_multiple_parameter() {
  return {.name = "row_multiple",
          .type = ParameterType::kInteger,
          .doc =
              "an expert's rows are padded to a multiple of this where they are computed: 16 for "
              "fp8 and 32 for mxfp8 (Megatron), 128 for DeepGEMM's contiguous layout",
          .fallback = "1",
          .minimum = 1,
          .maximum = 65536};
}

}  // namespace moesim
