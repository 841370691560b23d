#include "sim/serving/arrivals.hpp"

#include <algorithm>

namespace moesim {

double Arrivals::next(double now) const {
  const bool full = list_.concurrency > 0 && under_way_ >= list_.concurrency;
  if (all_sent() || full) return kForever.value;
  return std::max(now, list_.requests[static_cast<std::size_t>(sent_)].arrival.value);
}

}  // namespace moesim
