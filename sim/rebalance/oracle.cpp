// Before every step a map made for that very step, at no cost: the upper bound of what any policy
// with this placement can reach. Give it `estimator: last` to see what staleness alone costs.
#include "sim/rebalance/rebalance.hpp"

namespace moesim {
namespace {

class Oracle final : public Rebalance {
 public:
  explicit Oracle(const Arguments& arguments) : every_(arguments.integer("every")) {}
  bool wants(const BalanceReport&) override { return ++passed_ % every_ == 0; }
  bool free() const override { return true; }

 private:
  int every_ = 1;
  int passed_ = 0;
};

const Register<Rebalance, Oracle> kOracle{
    {.name = "oracle",
     .summary = "a map for the very steps that come, at no cost: an upper bound",
     .source = "policies.md 4.5",
     .parameters = with_common({{.name = "every",
                                 .type = ParameterType::kInteger,
                                 .doc = "steps between two maps",
                                 .fallback = "1",
                                 .minimum = 1}},
                               {{"estimator", "future"}, {"window", "1"}})}};

}  // namespace
}  // namespace moesim
