// Measured points of one input, with straight lines between them. Outside the points the nearest
// one is used, and the result says so: a table is never extrapolated.
#include <fmt/format.h>

#include <algorithm>

#include "sim/calibration/cost_form.hpp"

namespace moesim {
namespace {

class Table : public CostForm {
 public:
  explicit Table(const Arguments& arguments)
      : points_(arguments.numbers("points")),
        times_(arguments.numbers("times_us")),
        compute_bound_(arguments.text("bound") == "compute") {
    if (points_.empty() || points_.size() != times_.size())
      throw InputError(arguments.spot("times_us"),
                       fmt::format("{} times for {} points", times_.size(), points_.size()),
                       "points and times_us are lists of the same length, at least one");
    if (std::adjacent_find(points_.begin(), points_.end(), std::greater_equal<>()) != points_.end())
      throw InputError(arguments.spot("points"), "points must grow");
    range_ = {arguments.text("axis"), points_.front(), points_.back()};
  }

  FormTime time(const KernelWork& work, const FormGpu&) const final {
    const double at = range_.axis == "tokens"  ? work.tokens
                      : range_.axis == "flops" ? work.flops
                                               : work.bytes;
    const Seconds time(interpolate(std::clamp(at, range_.low, range_.high)) * 1e-6);
    const bool inside = at >= range_.low && at <= range_.high;
    return {.time = compute_bound_ ? KernelTime{time, Seconds(0)} : KernelTime{Seconds(0), time},
            .outside = inside ? nullptr : &range_};
  }

 private:
  double interpolate(double at) const {
    const auto upper = std::lower_bound(points_.begin(), points_.end(), at);
    const auto right = static_cast<std::size_t>(upper - points_.begin());
    if (right == 0) return times_.front();
    const double share = (at - points_[right - 1]) / (points_[right] - points_[right - 1]);
    return times_[right - 1] + share * (times_[right] - times_[right - 1]);
  }

  std::vector<double> points_, times_;  // times in µs
  bool compute_bound_;
  AxisRange range_;
};

const Register<CostForm, Table> kTable{
    {.name = "table",
     .summary = "measured points of one input, straight lines between them",
     .parameters = {{.name = "axis",
                     .type = ParameterType::kChoice,
                     .doc = "the input that the points are values of",
                     .fallback = "tokens",
                     .choices = {"tokens", "flops", "bytes"}},
                    {.name = "points",
                     .type = ParameterType::kNumbers,
                     .doc = "growing values of the axis",
                     .required = true,
                     .minimum = 0},
                    {.name = "times_us",
                     .type = ParameterType::kNumbers,
                     .doc = "measured time at each point, in microseconds",
                     .required = true,
                     .minimum = 0},
                    {.name = "bound",
                     .type = ParameterType::kChoice,
                     .doc = "what the kernel waits for: only compute slows down without SMs",
                     .fallback = "memory",
                     .choices = {"memory", "compute"}}}}};

}  // namespace
}  // namespace moesim
