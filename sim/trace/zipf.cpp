// `zipf`: the popularity of the r-th expert is 1 / r^exponent; which expert is r-th is drawn per
// layer (policies.md 1.14).
#include <cmath>
#include <numeric>
#include <vector>

#include "sim/trace/popularity_trace.hpp"

namespace moesim {
namespace {

class Zipf final : public PopularityTrace {
 public:
  explicit Zipf(const Arguments& arguments)
      : PopularityTrace(arguments), exponent_(arguments.number("exponent")) {}

 protected:
  std::vector<double> popularity(LayerId layer, StepId, const Random& random) const override {
    const std::vector<int> order = expert_order(experts(), random, layer);
    std::vector<double> shares(order.size());
    for (std::size_t rank = 0; rank < order.size(); ++rank)
      shares[static_cast<std::size_t>(order[rank])] =
          std::pow(static_cast<double>(rank + 1), -exponent_);
    return shares;
  }

 private:
  double exponent_ = 0;
};

const Register<Trace, Zipf> kZipf{
    {.name = "zipf",
     .summary = "popularity 1 / rank^exponent, ranks drawn once per layer",
     .source = "policies.md 1.14",
     .parameters = with_spread({{.name = "exponent",
                                 .type = ParameterType::kNumber,
                                 .doc = "0 = all alike; 1 = the second is asked for half as often",
                                 .fallback = "0.8",
                                 .minimum = 0,
                                 .maximum = 10}})}};

}  // namespace
}  // namespace moesim
