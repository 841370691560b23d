#include "kernels/profile/subject.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

namespace moesim::kernels {

std::map<std::string, MakeSubject>& subjects() {
  static std::map<std::string, MakeSubject> all;
  return all;
}

void require_close(double error, double bound, const std::string& what) {
  if (!(error <= bound))
    throw std::runtime_error(what + " differs from the reference by " + std::to_string(error) +
                             " of its largest value; " + std::to_string(bound) + " is allowed");
}

double relative_error(std::span<const float> a, std::span<const float> b) {
  double largest = 0, error = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!std::isfinite(a[i]) || !std::isfinite(b[i]))
      return std::numeric_limits<double>::infinity();
    largest = std::max(largest, std::abs(static_cast<double>(b[i])));
    error = std::max(error, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
  }
  return largest > 0 ? error / largest : error;
}

}  // namespace moesim::kernels
