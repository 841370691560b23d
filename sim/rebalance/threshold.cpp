// A new map when the average of the largest GPU load over the mean has stayed above a bound for
// some steps; then none for a while (policies.md 4.5).
#include "sim/rebalance/rebalance.hpp"

namespace moesim {
namespace {

class Threshold final : public Rebalance {
 public:
  explicit Threshold(const Arguments& arguments)
      : above_(arguments.number("above")),
        smoothing_(arguments.number("smoothing")),
        patience_(arguments.integer("steps")),
        cool_down_(arguments.integer("cool_down")),
        since_(cool_down_) {}

  bool wants(const BalanceReport& report) override {
    average_ = average_ ? smoothing_ * *average_ + (1 - smoothing_) * report.max_over_mean
                        : report.max_over_mean;
    ++since_;
    exceeded_ = *average_ > above_ ? exceeded_ + 1 : 0;
    if (exceeded_ < patience_ || since_ <= cool_down_) return false;
    average_.reset();  // what comes is of another map
    since_ = exceeded_ = 0;
    return true;
  }

 private:
  double above_ = 1, smoothing_ = 0;
  int patience_ = 1, cool_down_ = 0;
  std::optional<double> average_;
  int exceeded_ = 0;  // steps in a row
  int since_ = 0;     // steps since the last map; the first may come at once
};

const Register<Rebalance, Threshold> kThreshold{
    {.name = "threshold",
     .summary = "when the average imbalance of the GPUs stays above a bound",
     .source = "policies.md 4.5",
     .parameters =
         with_common({{.name = "above",
                       .type = ParameterType::kNumber,
                       .doc = "largest over mean GPU load, mean over layers, averaged over steps",
                       .fallback = "1.3",
                       .minimum = 1},
                      {.name = "smoothing",
                       .type = ParameterType::kNumber,
                       .doc = "of the average: what is left of the past after a step",
                       .fallback = "0.9",
                       .minimum = 0,
                       .maximum = 0.9999},
                      {.name = "steps",
                       .type = ParameterType::kInteger,
                       .doc = "in a row that it must be above",
                       .fallback = "3",
                       .minimum = 1},
                      {.name = "cool_down",
                       .type = ParameterType::kInteger,
                       .doc = "steps after a map in which none is asked for",
                       .fallback = "100",
                       .minimum = 0}})}};

}  // namespace
}  // namespace moesim
