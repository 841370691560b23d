// Every metric of summary.json in words: for `moesim help metrics`, tables and the tests.
#pragma once

#include <string>
#include <vector>

#include "analysis/compare.hpp"

namespace moesim {

struct MetricInfo {
  std::string name;  // with dots, as in `metrics`; "*" stands for any one part
  ComparedMetric::Unit unit = ComparedMetric::Unit::kCount;
  std::string doc;  // what it is, one line
};

const std::vector<MetricInfo>& metric_catalog();
// The entry that a name matches, or nothing.
const MetricInfo* find_metric_info(const std::string& name);

// The value with its unit, as people read it.
std::string shown_metric(double value, ComparedMetric::Unit unit);

}  // namespace moesim
