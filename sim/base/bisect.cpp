#include "sim/base/bisect.hpp"

namespace moesim {

int last_that_holds(int low, int high, const std::function<bool(int)>& holds) {
  while (high - low > 1) {
    const int middle = low + (high - low) / 2;
    (holds(middle) ? low : high) = middle;
  }
  return low;
}

}  // namespace moesim
