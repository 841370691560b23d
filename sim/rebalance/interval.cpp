// A new map every so many steps, unless the window was balanced enough: SGLang's
// `eplb_rebalance_num_iterations` and `min_rebalancing_utilization_threshold`; vLLM's
// `step_interval`, whose counter starts at three quarters of the interval.
#include "sim/rebalance/rebalance.hpp"

namespace moesim {
namespace {

class Interval final : public Rebalance {
 public:
  explicit Interval(const Arguments& arguments)
      : every_(arguments.integer("every")),
        skip_above_(arguments.number("skip_above")),
        passed_(static_cast<int>(arguments.number("start") * every_)) {}

  bool wants(const BalanceReport& report) override {
    ++passed_;
    ++reports_;
    balancedness_ += report.balancedness;
    if (passed_ < every_) return false;
    const bool balanced = balancedness_ / reports_ > skip_above_;
    passed_ = reports_ = 0;
    balancedness_ = 0;
    return !balanced;
  }

 private:
  int every_ = 1;
  double skip_above_ = 1;
  int passed_ = 0, reports_ = 0;  // steps since the last time
  double balancedness_ = 0;       // their sum
};

const Register<Rebalance, Interval> kInterval{
    {.name = "interval",
     .summary = "every so many steps, unless they were balanced enough (SGLang, vLLM)",
     .source = "SGLang EPLBManager; vLLM EplbState; policies.md 4.5",
     .parameters =
         with_common({{.name = "every",
                       .type = ParameterType::kInteger,
                       .doc = "steps between two maps; SGLang's default is 1000, vLLM's 3000",
                       .fallback = "1000",
                       .minimum = 1},
                      {.name = "start",
                       .type = ParameterType::kNumber,
                       .doc = "of the first interval, what has passed already; vLLM's is 0.75",
                       .fallback = "0",
                       .minimum = 0,
                       .maximum = 1},
                      {.name = "skip_above",
                       .type = ParameterType::kNumber,
                       .doc = "no new map where the mean balancedness of the interval (mean over "
                              "largest GPU load) is above; 1: never skipped",
                       .fallback = "1",
                       .minimum = 0,
                       .maximum = 1}})}};

}  // namespace
}  // namespace moesim
