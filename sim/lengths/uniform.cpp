// Uniform lengths around the workload's: answers that all began with a prompt of mean · (1 −
// spread) tokens and end at mean · (1 + spread) are so.
#include <algorithm>
#include <cmath>

#include "sim/lengths/lengths.hpp"

namespace moesim {
namespace {

class Uniform final : public Lengths {
 public:
  explicit Uniform(const Arguments& arguments) : spread_(arguments.number("spread")) {}

  double draw(double mean, Rng& rng) const override {
    return std::max(1.0, std::round(mean * (1 + spread_ * (2 * rng.uniform() - 1))));
  }

 private:
  double spread_ = 0;
};

const Register<Lengths, Uniform> kUniform{
    {.name = "uniform",
     .summary = "uniform lengths around the workload's",
     .parameters = {{.name = "spread",
                     .type = ParameterType::kNumber,
                     .doc = "largest distance from the mean / mean",
                     .fallback = "0.5",
                     .minimum = 0,
                     .maximum = 1}}}};

}  // namespace
}  // namespace moesim
