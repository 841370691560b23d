// Bisection over whole numbers.
#pragma once

#include <functional>

namespace moesim {

// The largest number below `high` for which `holds`; `low` where that is none above it. It holds
// from `low` to some number and for none behind it; neither `low` nor `high` is asked for.
int last_that_holds(int low, int high, const std::function<bool(int)>& holds);

}  // namespace moesim
