// How long a piece of work takes: samples until their median is known well enough.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "kernels/device.hpp"

namespace moesim::kernels {

struct Timing {
  double median = 0, p10 = 0, p90 = 0;  // seconds of one run
  int count = 0;                        // samples
  double noise = 0;                     // half width of the median's 95 % interval over the median
};

// From at least one sample, in seconds. The interval is the one between order statistics
// (n/2 ± 0.98·√n, binomial), free of any assumption about the distribution.
Timing timing_of(std::vector<double> samples);

struct MeasureOptions {
  double noise = 0.01;
  double time_limit = 1;  // seconds of timed work
  bool graph = true;      // else each run is started on its own
  bool cold = false;      // empty the last-level cache before each sample
  // Called before each sample with the seconds that it will take, about.
  std::function<void(double)> before_sample = [](double) {};
};

// `run(i)` starts run i in Stream::kMain; runs go round `copies` sets of buffers. Several runs
// make a sample, recorded in a graph, where one is too short for the clock. Runs are warmed up.
Timing measure(Device& device, int copies, const std::function<void(int)>& run,
               const MeasureOptions& options);

// The same of work that times itself: `clock(runs)` is the mean of so many runs back to back.
Timing measure_by(const std::function<double(int)>& clock, const MeasureOptions& options);

}  // namespace moesim::kernels
