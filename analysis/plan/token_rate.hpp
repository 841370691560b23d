// Rates of tokens and requests as people say them: "1 M tokens/min", "20 requests/s".
#pragma once

#include <string>

#include "sim/base/error.hpp"

namespace moesim {

// Per second. `what` is "tokens" or "requests". Throws InputError at `spot`.
double parse_count_rate(const std::string& text, const std::string& what, const Spot& spot);

}  // namespace moesim
