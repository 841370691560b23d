// Ranges of values in one short text: LO:HI:STEP, and LO:HI:xK for powers.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sim/base/error.hpp"

namespace moesim {

// `LO:HI:STEP` is LO, LO + STEP, … up to HI; `LO:HI:xK` is LO, LO · K, …; nothing where the text is
// no range. `spot` is where the text begins. Throws InputError where a range has no end, or too
// many values.
std::optional<std::vector<std::string>> range_values(const std::string& text, const Spot& spot);

}  // namespace moesim
