// Arrivals in bursts, or more regular than at random: gamma-distributed times between them, whose
// shape is the `--burstiness` of vLLM's serving benchmark. Their coefficient of variation is
// 1/√burstiness: below 1 requests bunch, 1 is a Poisson process, above 1 they come evenly.
#include <cmath>

#include "sim/requests/generated.hpp"

namespace moesim {
namespace {

// Γ(shape, 1), shape ≥ 1: Marsaglia and Tsang, "A simple method for generating gamma variables",
// ACM TOMS 26 (2000).
double gamma_at_least_one(double shape, Rng& rng) {
  const double d = shape - 1.0 / 3, c = 1 / std::sqrt(9 * d);
  while (true) {
    const double x = rng.normal();
    const double v = std::pow(1 + c * x, 3);
    if (v <= 0) continue;
    if (std::log1p(-rng.uniform()) < 0.5 * x * x + d * (1 - v + std::log(v))) return d * v;
  }
}

// A smaller shape from the one above it by the same authors' γ(a) = γ(a + 1) U^(1/a).
double draw_gamma(double shape, Rng& rng) {
  if (shape >= 1) return gamma_at_least_one(shape, rng);
  const double power = std::pow(1 - rng.uniform(), 1 / shape);
  return gamma_at_least_one(shape + 1, rng) * power;
}

class Gamma final : public RequestSource {
 public:
  explicit Gamma(const Arguments& arguments)
      : generated_(arguments), burstiness_(arguments.number("burstiness")) {}

  RequestList requests(Random random) const override {
    return generated_.requests(
        random, [&](Rng& rng) { return draw_gamma(burstiness_, rng) / burstiness_; });
  }
  std::vector<RequestClass> classes() const override { return generated_.classes(); }

 private:
  GeneratedRequests generated_;
  double burstiness_ = 1;
};

const Register<RequestSource, Gamma> kGamma{
    {.name = "gamma",
     .summary = "requests arrive in bursts, or more evenly than at random",
     .source = "vLLM's serving benchmark",
     .parameters = generator_parameters(
         {{.name = "burstiness",
           .type = ParameterType::kNumber,
           .doc =
               "shape of the gamma distribution of the times between arrivals: below 1 bursts, 1 "
               "Poisson, above even",
           .fallback = "0.5",
           .minimum = 0.01,
           .maximum = 1e6}})}};

}  // namespace
}  // namespace moesim
