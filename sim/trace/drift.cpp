// `drift`: log-normal popularity whose logarithm does a random walk, and is drawn anew at jumps,
// such as a change of domain (policies.md 1.14).
//
// The walk at any step is found without walking there: from its value at the powers of two, by
// Lévy's construction of Brownian motion (each midpoint is the mean of its neighbours plus a normal
// of the right size). Log-popularity is scaled back to `sigma` as the walk widens it, so that what
// drifts is which experts are hot, not how hot they are.
#include <cmath>
#include <vector>

#include "sim/trace/popularity_trace.hpp"

namespace moesim {
namespace {

// A standard random walk of one number per expert: variance 1 per step.
class Walk {
 public:
  Walk(const Random& random, LayerId layer, int segment, int experts)
      : random_(random), layer_(layer), segment_(segment), experts_(experts) {}

  // The normals that belong to a node: 0 = where the segment starts, m = the step m.
  std::vector<double> normals(int node) const {
    const int stream = static_cast<int>(PopularityStream::kWalk) + segment_;
    Rng rng = random_.stream(Purpose::kPopularity, layer_.value, stream, node);
    std::vector<double> drawn(static_cast<std::size_t>(experts_));
    for (double& x : drawn) x = rng.normal();
    return drawn;
  }

  // W(step), W(0) = 0.
  std::vector<double> at(int step) const {
    std::vector<double> low(static_cast<std::size_t>(experts_), 0.0);
    if (step <= 0) return low;
    std::vector<double> high = normals(1);
    std::int64_t from = 0, to = 1;
    while (to < step) {
      low = high;
      add(high, std::sqrt(static_cast<double>(to)), normals(static_cast<int>(to * 2)));
      from = to;
      to *= 2;
    }
    while (to != step) {
      const std::int64_t middle = (from + to) / 2;
      std::vector<double> between = normals(static_cast<int>(middle));
      const double size = std::sqrt(static_cast<double>(to - from)) / 2;
      for (std::size_t e = 0; e < between.size(); ++e)
        between[e] = (low[e] + high[e]) / 2 + size * between[e];
      (middle < step ? low : high) = std::move(between);
      (middle < step ? from : to) = middle;
    }
    return high;
  }

 private:
  static void add(std::vector<double>& sum, double factor, const std::vector<double>& terms) {
    for (std::size_t e = 0; e < sum.size(); ++e) sum[e] += factor * terms[e];
  }

  const Random& random_;
  LayerId layer_;
  int segment_;
  int experts_;
};

class Drift final : public PopularityTrace {
 public:
  explicit Drift(const Arguments& arguments)
      : PopularityTrace(arguments),
        sigma_(arguments.number("sigma")),
        rate_(arguments.number("rate")),
        jumps_(arguments.numbers("jumps")) {}

 protected:
  std::vector<double> popularity(LayerId layer, StepId step, const Random& random) const override {
    int segment = 0, start = 0;
    for (const double jump : jumps_) {
      if (step.value < jump) continue;
      ++segment;
      start = std::max(start, static_cast<int>(jump));
    }
    const Walk walk(random, layer, segment, experts());
    const int age = step.value - start;
    const std::vector<double> origin = walk.normals(0);
    const std::vector<double> moved = walk.at(age);
    const double per_step = rate_ / std::sqrt(1000.0);
    const double width = std::hypot(sigma_, per_step * std::sqrt(age));
    std::vector<double> shares(origin.size(), 1.0);
    if (width <= 0) return shares;
    for (std::size_t e = 0; e < shares.size(); ++e)
      shares[e] = std::exp(sigma_ / width * (sigma_ * origin[e] + per_step * moved[e]));
    return shares;
  }

 private:
  double sigma_ = 0, rate_ = 0;
  std::vector<double> jumps_;  // steps
};

const Register<Trace, Drift> kDrift{
    {.name = "drift",
     .summary = "log-normal popularity that drifts from step to step, and jumps",
     .source = "policies.md 1.14",
     .parameters =
         with_spread({{.name = "sigma",
                       .type = ParameterType::kNumber,
                       .doc = "standard deviation of ln(popularity), at all times",
                       .fallback = "0.8",
                       .minimum = 0,
                       .maximum = 5},
                      {.name = "rate",
                       .type = ParameterType::kNumber,
                       .doc = "how far ln(popularity) walks in 1000 steps (standard deviation)",
                       .fallback = "0.8",
                       .minimum = 0,
                       .maximum = 1000},
                      {.name = "jumps",
                       .type = ParameterType::kNumbers,
                       .doc = "steps from which on the popularity is another, unrelated one",
                       .fallback = "[]",
                       .minimum = 1}})}};

}  // namespace
}  // namespace moesim
