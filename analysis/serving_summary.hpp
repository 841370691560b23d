// What is said of a serving run: the "serving" object of summary.json, and the lines of the table.
#pragma once

#include <string>

#include "analysis/json.hpp"
#include "analysis/serving_metrics.hpp"

namespace moesim {

// Latencies in seconds, with the targets that they were held against. Time series are in
// serving_steps.csv.
Json serving_json(const ServingMetrics& metrics, const ServiceTargets& targets);

// Within 100 columns; ends with a line end. `colour` adds ANSI colours.
std::string serving_table(const ServingMetrics& metrics, const ServiceTargets& targets,
                          bool colour);

}  // namespace moesim
