// `lognormal`: the popularity of an expert is exp(sigma · N(0, 1)), drawn once per layer
// (policies.md 1.14).
#include <vector>

#include "sim/trace/popularity_trace.hpp"

namespace moesim {
namespace {

class Lognormal final : public PopularityTrace {
 public:
  explicit Lognormal(const Arguments& arguments)
      : PopularityTrace(arguments), sigma_(arguments.number("sigma")) {}

 protected:
  std::vector<double> popularity(LayerId layer, StepId, const Random& random) const override {
    std::vector<double> shares(static_cast<std::size_t>(experts()), 1.0);
    spread_shares(shares, sigma_, popularity_stream(random, layer, PopularityStream::kLayer));
    return shares;
  }

 private:
  double sigma_ = 0;
};

const Register<Trace, Lognormal> kLognormal{
    {.name = "lognormal",
     .summary = "log-normal popularity of experts, drawn once per layer",
     .source = "policies.md 1.14",
     .parameters = with_spread({{.name = "sigma",
                                 .type = ParameterType::kNumber,
                                 .doc = "standard deviation of ln(popularity); 0 = all alike",
                                 .fallback = "0.8",
                                 .minimum = 0,
                                 .maximum = 5}})}};

}  // namespace
}  // namespace moesim
