#include "kernels/profile/measure.hpp"

#include <algorithm>
#include <cmath>

namespace moesim::kernels {
namespace {

constexpr double kShortestSample = 50e-6;  // seconds: a hundred times what events resolve
constexpr int kFewestSamples = 7, kMostSamples = 2000, kMostRuns = 256;

double quantile(const std::vector<double>& sorted, double q) {
  const double at = q * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (at - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

// Runs that make a sample long enough, a multiple of the copies, so that each has its turn.
int runs_of_sample(double seconds_of_run, int copies) {
  const double needed = std::ceil(kShortestSample / std::max(seconds_of_run, 1e-9));
  const int runs = static_cast<int>(std::clamp(needed, 1.0, double{kMostRuns}));
  return (runs + copies - 1) / copies * copies;
}

// Samples, each the mean of `runs` runs, until their median is known or the time is over.
Timing until_known(const std::function<double()>& sample, int runs, const MeasureOptions& options) {
  sample();
  std::vector<double> samples;
  Timing timing;
  for (double spent = 0; samples.size() < kMostSamples;) {
    samples.push_back(sample());
    spent += samples.back() * runs;
    const bool enough = samples.size() >= kFewestSamples;
    if (!enough) continue;
    timing = timing_of(samples);
    if (timing.noise <= options.noise || spent > options.time_limit) break;
  }
  return timing;
}

}  // namespace

Timing timing_of(std::vector<double> samples) {
  std::sort(samples.begin(), samples.end());
  const auto count = static_cast<double>(samples.size());
  const double median = quantile(samples, 0.5);
  const double reach = 0.98 * std::sqrt(count);
  const auto at = [&](double index) {
    return samples[static_cast<std::size_t>(std::clamp(index, 0.0, count - 1))];
  };
  const double half_width =
      0.5 * (at(std::ceil(0.5 * count + reach)) - at(std::floor(0.5 * count - reach)));
  return {.median = median,
          .p10 = quantile(samples, 0.1),
          .p90 = quantile(samples, 0.9),
          .count = static_cast<int>(samples.size()),
          .noise = half_width / median};
}

Timing measure(Device& device, int copies, const std::function<void(int)>& run,
               const MeasureOptions& options) {
  for (int copy = 0; copy < copies; ++copy) run(copy);
  device.synchronize();
  const double once = device.seconds(Stream::kMain, [&] { run(0); });
  // A sample of the cold cache is one run: a second one would find what the first has brought.
  const int runs = options.cold ? 1 : runs_of_sample(once, copies);
  const auto all = [&] {
    for (int i = 0; i < runs; ++i) run(i % copies);
  };
  const auto graph = options.graph ? device.capture(all) : nullptr;
  const auto sample = [&] {
    if (options.cold) device.flush_cache(Stream::kMain);
    options.before_sample(once * runs);
    return (graph ? device.seconds(*graph) : device.seconds(Stream::kMain, all)) / runs;
  };
  return until_known(sample, runs, options);
}

Timing measure_by(const std::function<double(int)>& clock, const MeasureOptions& options) {
  const int runs = runs_of_sample(clock(1), 1);
  return until_known([&] { return clock(runs); }, runs, options);
}

}  // namespace moesim::kernels
