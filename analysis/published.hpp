// Published figures of whole deployments, beside what moesim predicts for them.
//
// A case (scenarios/validation/*.yaml) is a scenario, the source of its figures, what is compared
// and what is not modelled, how near a prediction has to be, and the points: each a published
// figure and the keys of the scenario that it belongs to.
#pragma once

#include <string>
#include <vector>

#include "sim/model/scenario.hpp"

namespace moesim {

enum class PublishedMetric { kStepTime, kTokensPerSecondPerGpu };
std::string to_string(PublishedMetric metric);  // "step_time", …

struct PublishedPoint {
  std::string name;
  double published = 0;  // seconds, or tokens/s
  Scenario scenario;
};

struct PublishedCase {
  std::string name, source, compares;
  std::vector<std::string> not_modelled;
  PublishedMetric metric = PublishedMetric::kStepTime;
  double within = 0;  // largest error that passes, as a ratio
  std::vector<PublishedPoint> points;
};

// Throws InputError with every mistake of the file.
PublishedCase read_published_case(const std::string& path);

struct PublishedResult {
  double predicted = 0;
  std::vector<std::string> warnings;
  double error(const PublishedPoint& point) const { return predicted / point.published - 1; }
  bool passes(const PublishedCase& of, const PublishedPoint& point) const;
};

// One result a point, in their order; each in a process of its own, `jobs` at once. Throws
// VariantFailed and Interrupted (analysis/experiment).
std::vector<PublishedResult> predict(const PublishedCase& published, int jobs);

// |error| over the points: mean, and how many pass.
struct PublishedScore {
  double mape = 0, bias = 0;
  int passed = 0, points = 0;
};
PublishedScore score(const PublishedCase& published, const std::vector<PublishedResult>& results);

}  // namespace moesim
