#include "analysis/published.hpp"

#include <fmt/format.h>

#include <cmath>

#include "analysis/experiment.hpp"
#include "analysis/json.hpp"
#include "analysis/metrics.hpp"
#include "sim/read_scenario.hpp"
#include "sim/read_section.hpp"
#include "sim/simulate.hpp"

namespace moesim {
namespace {

using Type = ParameterType;

// In the order of PublishedMetric.
const std::vector<std::string> kMetricNames = {"step_time", "tokens_per_s_per_gpu"};

std::vector<Parameter> case_parameters() {
  return {{.name = "name", .type = Type::kText, .doc = "in tables", .required = true},
          {.name = "source", .type = Type::kText, .doc = "of the figures", .required = true},
          {.name = "compares", .type = Type::kText, .doc = "what with what", .required = true},
          {.name = "not_modelled", .type = Type::kTexts, .doc = "what the figures also contain"},
          {.name = "metric",
           .type = Type::kChoice,
           .doc = "what is published",
           .required = true,
           .choices = kMetricNames},
          {.name = "within",
           .type = Type::kNumber,
           .doc = "largest error that passes",
           .required = true,
           .minimum = 0,
           .above_minimum = true},
          {.name = "scenario", .type = Type::kTree, .doc = "a scenario", .required = true},
          {.name = "points", .type = Type::kTree, .doc = "published figures", .required = true}};
}

std::vector<Parameter> point_parameters(PublishedMetric metric) {
  return {{.name = "name", .type = Type::kText, .doc = "in tables", .required = true},
          {.name = "published",
           .type = metric == PublishedMetric::kStepTime ? Type::kTime : Type::kNumber,
           .doc = "the figure",
           .required = true,
           .minimum = 0,
           .above_minimum = true},
          {.name = "set", .type = Type::kTexts, .doc = "keys of the scenario, as for --set"}};
}

double metric_of(PublishedMetric metric, const Metrics& metrics) {
  return metric == PublishedMetric::kStepTime ? metrics.step_time.mean
                                              : metrics.tokens_per_s_per_gpu;
}

PublishedPoint read_point(const YamlNode& node, const PublishedCase& published,
                          const YamlNode& scenario, Mistakes& mistakes) {
  Mistakes own;
  const Arguments point = read_arguments(node, point_parameters(published.metric), own, "a point");
  mistakes.add(own);
  if (!own.empty()) return {};
  PublishedPoint read{.name = point.text("name"), .published = point.number("published")};
  try {
    YamlNode root = scenario;
    if (point.has("set"))
      for (const std::string& assignment : point.texts("set")) apply_override(root, assignment);
    read.scenario = read_scenario(std::move(root), published.name);
  } catch (const InputError& error) {
    mistakes.add(error);
  }
  return read;
}

}  // namespace

std::string to_string(PublishedMetric metric) {
  return kMetricNames[static_cast<std::size_t>(metric)];
}

PublishedCase read_published_case(const std::string& path) {
  const YamlNode root = parse_yaml(read_source(path));
  Mistakes mistakes;
  const Arguments arguments =
      read_arguments(root, case_parameters(), mistakes, "a validation case");
  mistakes.throw_if_any();
  PublishedCase published{.name = arguments.text("name"),
                          .source = arguments.text("source"),
                          .compares = arguments.text("compares"),
                          .metric = choice_of<PublishedMetric>(arguments, "metric", kMetricNames),
                          .within = arguments.number("within")};
  if (arguments.has("not_modelled")) published.not_modelled = arguments.texts("not_modelled");
  const YamlNode& points = arguments.tree("points");
  if (!points.is_list() || points.items.empty())
    throw InputError(points.spot, "points is a list of published figures",
                     "- {name: batch 8, published: 8.2 ms, set: [workload.tokens_per_gpu=8]}");
  for (const YamlNode& node : points.items)
    published.points.push_back(read_point(node, published, arguments.tree("scenario"), mistakes));
  mistakes.throw_if_any();
  return published;
}

bool PublishedResult::passes(const PublishedCase& of, const PublishedPoint& point) const {
  return std::fabs(error(point)) <= of.within;
}

std::vector<PublishedResult> predict(const PublishedCase& published, int jobs) {
  std::vector<Variant> variants;
  for (const PublishedPoint& point : published.points)
    variants.push_back({point.name, [&point, &published] {
                          const RunResult result = simulate(point.scenario);
                          return Json{
                              {"predicted", metric_of(published.metric, compute_metrics(result))},
                              {"warnings", result.warnings}}
                              .dump();
                        }});
  const std::vector<Outcome> outcomes = run_variants(variants, {.jobs = jobs});
  throw_if_failed(outcomes);
  std::vector<PublishedResult> results;
  for (const Outcome& outcome : outcomes) {
    const Json document = Json::parse(outcome.document);
    results.push_back({.predicted = document["predicted"],
                       .warnings = document["warnings"].get<std::vector<std::string>>()});
  }
  return results;
}

PublishedScore score(const PublishedCase& published, const std::vector<PublishedResult>& results) {
  PublishedScore sum{.points = static_cast<int>(results.size())};
  for (std::size_t i = 0; i < results.size(); ++i) {
    const double error = results[i].error(published.points[i]);
    sum.mape += std::fabs(error) / sum.points;
    sum.bias += error / sum.points;
    sum.passed += results[i].passes(published, published.points[i]);
  }
  return sum;
}

}  // namespace moesim
