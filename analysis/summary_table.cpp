#include "analysis/summary_table.hpp"

#include <limits>

#include "analysis/metric_catalog.hpp"

namespace moesim {
namespace {

struct Named {
  std::string name;
  const Json* value = nullptr;
};

void flatten(const Json& node, const std::string& name, std::vector<Named>& all) {
  if (!node.is_object()) {
    all.push_back({name, &node});
    return;
  }
  for (const auto& [key, value] : node.items())
    flatten(value, name.empty() ? key : name + "." + key, all);
}

TextCell cell_of(const Json& value, const std::string& name) {
  if (!value.is_number()) return {"–", std::numeric_limits<double>::quiet_NaN()};
  const MetricInfo* info = find_metric_info(name);
  const double number = value.get<double>();
  return {shown_metric(number, info == nullptr ? ComparedMetric::Unit::kCount : info->unit),
          number};
}

}  // namespace

TextTable metrics_table(const Json& summary) {
  std::vector<Named> metrics;
  flatten(summary.at("metrics"), "", metrics);
  TextTable table({{"metric"}, {"value", true}, {"low", true}, {"high", true}});
  for (const auto& [name, value] : metrics) {
    const Json* band = nullptr;
    if (const auto found = summary.at("uncertainty").find(name);
        found != summary.at("uncertainty").end())
      band = &*found;
    table.add({name, cell_of(*value, name),
               band != nullptr ? cell_of(band->at("low"), name) : TextCell(),
               band != nullptr ? cell_of(band->at("high"), name) : TextCell()});
  }
  return table;
}

}  // namespace moesim
