// Measures the points of a plan, one after another, until they are done, the time is over, or
// somebody interrupts.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>

#include "kernels/profile/expert_weights.hpp"
#include "kernels/profile/header.hpp"
#include "kernels/profile/measure.hpp"
#include "kernels/profile/sample_file.hpp"
#include "kernels/profile/subject.hpp"

namespace moesim::kernels {

struct SweepResult {
  int measured = 0;
  int already = 0;                      // in the file before
  int left = 0;                         // the time was over
  std::map<std::string, int> left_out;  // why → points
  std::set<std::string> warnings;       // about clocks, throttling, other processes
};

class Sweep {
 public:
  // `progress` hears a line before each point.
  Sweep(Backend& backend, const Plan& plan, std::function<void(const std::string&)> progress);

  Peaks measure_peaks();
  // Goes on until `interrupted()`. Throws std::runtime_error where a kernel is wrong.
  SweepResult run(SampleFile& file, const std::function<bool()>& interrupted);

 private:
  Json measure_point(const Json& point);
  Timing time_of(Subject& subject, const Json& point);
  int copies_for(const Subject& subject, bool cold) const;
  void note_health(Json& sample);
  double verified(Subject& subject, const Json& point);

  Backend& backend_;
  Backend reference_;
  const Plan& plan_;
  std::function<void(const std::string&)> progress_;
  Inputs inputs_;
  WeightPool weights_;
  SharedWorld world_;
  std::map<std::string, double> checked_;  // shape → largest relative error
  SweepResult result_;
};

}  // namespace moesim::kernels
