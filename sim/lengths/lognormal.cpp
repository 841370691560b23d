// Lognormal lengths: ln(length) is normal with σ² = ln(1 + cv²) and mean ln(mean) − σ²/2, so that
// the lengths have that mean, and a standard deviation of cv times the mean. Lengths of requests
// are roughly so (policies.md 6.6).
#include <algorithm>
#include <cmath>

#include "sim/lengths/lengths.hpp"

namespace moesim {
namespace {

class Lognormal final : public Lengths {
 public:
  explicit Lognormal(const Arguments& arguments)
      : sigma_(std::sqrt(std::log1p(std::pow(arguments.number("cv"), 2)))) {}

  double draw(double mean, Rng& rng) const override {
    return std::max(1.0, std::round(mean * std::exp(sigma_ * rng.normal() - sigma_ * sigma_ / 2)));
  }

 private:
  double sigma_ = 0;  // of ln(length)
};

const Register<Lengths, Lognormal> kLognormal{{.name = "lognormal",
                                               .summary = "lognormal lengths around the workload's",
                                               .parameters = {{.name = "cv",
                                                               .type = ParameterType::kNumber,
                                                               .doc = "standard deviation / mean",
                                                               .fallback = "0.5",
                                                               .minimum = 0,
                                                               .maximum = 10}}}};

}  // namespace
}  // namespace moesim
