// What is said of a serving run: the "serving" object of summary.json, and the lines of the table.
#pragma once

#include <string>

#include "analysis/json.hpp"
#include "analysis/screen.hpp"
#include "analysis/serving_metrics.hpp"
#include "sim/model/run_result.hpp"
#include "sim/model/scenario.hpp"

namespace moesim {

// Latencies in seconds, with the targets that they were held against. Time series are in
// serving_steps.csv.
Json serving_json(const ServingMetrics& metrics, const ServiceTargets& targets);

// Ends with a line end.
std::string serving_table(const ServingMetrics& metrics, const ServiceTargets& targets,
                          const Screen& screen);

// The whole table of a serving run.
std::string serving_run_table(const Scenario& scenario, const RunResult& result,
                              const Screen& screen);

// For summary.json: what "serving" says, and of each pool the phases of its mean step and its step
// cache.
Json serving_document(const Scenario& scenario, const RunResult& result);
// What a serving run puts into "metrics", beside what all runs do: latencies, rates and goodput of
// all requests; its tokens/s are those of answers.
void add_serving_metrics(const Json& serving, Json& metrics);

}  // namespace moesim
