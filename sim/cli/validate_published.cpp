#include "sim/cli/validate_published.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "analysis/format.hpp"
#include "analysis/json.hpp"
#include "analysis/published.hpp"
#include "analysis/text_table.hpp"
#include "sim/base/presets.hpp"
#include "sim/cli/command.hpp"
#include "sim/cli/flags.hpp"

namespace moesim {
namespace {

struct Compared {
  PublishedCase published;
  std::vector<PublishedResult> results;
};

std::vector<std::string> shipped_cases() {
  std::vector<std::string> files;
  for (const std::string& name : preset_names("validation"))
    files.push_back(
        find_preset("validation", name, {text_source("validate", name, true), 1, 1}).string());
  return files;
}

std::string shown(PublishedMetric metric, double value) {
  return metric == PublishedMetric::kStepTime ? format_time(Seconds(value))
                                              : format_count(value, "tokens/s");
}

std::string signed_percent(double ratio) { return fmt::format("{:+.1f} %", 100 * ratio); }

void print_text(const Compared& compared) {
  const PublishedCase& published = compared.published;
  const Screen screen = stdout_screen("auto");
  fmt::print("{}\n", published.name);
  const auto prose = [&](const std::string& text) {
    return "  " + wrap(screen.shown(text), screen.prose() - 2, "    ") + "\n";
  };
  fmt::print("{}{}", prose(published.compares), prose("source: " + published.source));
  if (!published.not_modelled.empty())
    fmt::print("{}",
               prose(fmt::format("not modelled: {}", fmt::join(published.not_modelled, "; "))));
  TextTable table({{""}, {"predicted", true}, {"published", true, 1}, {"error", true}, {""}});
  for (std::size_t i = 0; i < compared.results.size(); ++i) {
    const PublishedPoint& point = published.points[i];
    const PublishedResult& result = compared.results[i];
    table.add({"  " + point.name, shown(published.metric, result.predicted),
               shown(published.metric, point.published), signed_percent(result.error(point)),
               result.passes(published, point) ? "" : "FAILS"});
  }
  const PublishedScore sum = score(published, compared.results);
  fmt::print("{}  mean |error| {:.1f} %, bias {}; {} of {} within {:.0f} %\n\n", table.text(screen),
             100 * sum.mape, signed_percent(sum.bias), sum.passed, sum.points,
             100 * published.within);
}

void print_markdown(const std::vector<Compared>& all) {
  fmt::print(
      "| case | point | predicted | published | error | within |\n|---|---|---|---|---|---|\n");
  for (const auto& [published, results] : all) {
    for (std::size_t i = 0; i < results.size(); ++i) {
      const PublishedPoint& point = published.points[i];
      fmt::print("| {} | {} | {} | {} | {}{} | {:.0f} % |\n", i == 0 ? published.name : "",
                 point.name, shown(published.metric, results[i].predicted),
                 shown(published.metric, point.published), signed_percent(results[i].error(point)),
                 results[i].passes(published, point) ? "" : " **fails**", 100 * published.within);
    }
    const PublishedScore sum = score(published, results);
    fmt::print("| | mean of {} | | | {:.1f} % | |\n", sum.points, 100 * sum.mape);
  }
}

Json document_of(const Compared& compared) {
  const PublishedCase& published = compared.published;
  Json points = Json::array();
  for (std::size_t i = 0; i < compared.results.size(); ++i)
    points.push_back({{"name", published.points[i].name},
                      {"predicted", compared.results[i].predicted},
                      {"published", published.points[i].published},
                      {"error", compared.results[i].error(published.points[i])},
                      {"passes", compared.results[i].passes(published, published.points[i])},
                      {"warnings", compared.results[i].warnings}});
  const PublishedScore sum = score(published, compared.results);
  return {{"name", published.name},
          {"source", published.source},
          {"compares", published.compares},
          {"not_modelled", published.not_modelled},
          {"metric", to_string(published.metric)},
          {"within", published.within},
          {"mape", sum.mape},
          {"bias", sum.bias},
          {"passed", sum.passed},
          {"points", points}};
}

}  // namespace

int validate_published(const std::vector<std::string>& files, bool json, bool markdown, int jobs) {
  std::vector<Compared> all;
  for (const std::string& file : files.empty() ? shipped_cases() : files)
    all.push_back({.published = read_published_case(file)});
  bool passes = true;
  for (Compared& compared : all) {
    compared.results = predict(compared.published, jobs);
    const PublishedScore sum = score(compared.published, compared.results);
    passes = passes && sum.passed == sum.points;
    if (!json && !markdown) print_text(compared);
  }
  if (markdown) print_markdown(all);
  if (json) {
    Json cases = Json::array();
    for (const Compared& compared : all) cases.push_back(document_of(compared));
    fmt::print("{}", write_json({{"schema", "moesim.published/1"}, {"cases", cases}}));
  }
  return passes ? kExitDone : kExitNo;
}

}  // namespace moesim
