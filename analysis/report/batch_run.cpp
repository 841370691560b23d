// The report of a run: of fixed batches here, of requests with serving_charts.hpp.
#include <fmt/format.h>

#include <cmath>

#include "analysis/format.hpp"
#include "analysis/report/batch_charts.hpp"
#include "analysis/report/parts.hpp"
#include "analysis/report/provenance.hpp"
#include "analysis/report/serving_charts.hpp"
#include "analysis/summary.hpp"

namespace moesim {
namespace {

std::string largest_phase(const Json& breakdown) {
  std::string largest;
  double most = 0, sum = 0;
  for (const auto& [phase, seconds] : breakdown.items()) {
    const double own = number_at(breakdown, phase);
    sum += own;
    if (own <= most) continue;
    most = own;
    largest = phase;
  }
  return sum > 0 ? fmt::format("{} of it {}", format_percent(most / sum), largest) : "";
}

std::string batch_answer(const Json& summary) {
  const Json& metrics = summary.at("metrics");
  std::string band, phase = largest_phase(metrics.at("breakdown_s"));
  const Json own = summary.at("uncertainty").value("tokens_per_s", Json());
  if (own.is_object())
    band = fmt::format(" ({} to {} within the error of the kernels' costs)",
                       format_count(number_at(own, "low")), format_count(number_at(own, "high")));
  const double busiest = number_at(metrics, "imbalance.gpu_max_over_mean");
  return fmt::format(
      "{} computes {} tokens/s{}: a step takes {}{}{}.", subject_of(summary.at("scenario")),
      format_count(number_at(metrics, "tokens_per_s")), band,
      format_time(Seconds(number_at(metrics, "step_time_s.mean"))),
      phase.empty() ? "" : ", " + phase,
      std::isfinite(busiest)
          ? fmt::format(", and the busiest GPU has {} × the mean load", format_number(busiest))
          : "");
}

std::string batch_question(const Json& scenario) {
  return fmt::format(
      "How fast is {} in {}, and where does the time go, with placement {} and exchange {}?",
      subject_of(scenario), at_path(scenario, "workload.phase").get<std::string>(),
      at_path(scenario, "placement.kind").get<std::string>(),
      at_path(scenario, "exchange.kind").get<std::string>());
}

Json batch_figures(const Json& summary) {
  const auto own = [&](const char* key, const char* title, const char* unit,
                       const char* note = "") {
    return figure(summary, std::string("metrics.") + key, title, unit, note);
  };
  Json figures = {own("tokens_per_s", "throughput", "tokens/s"),
                  own("tokens_per_s_per_gpu", "throughput per GPU", "tokens/s"),
                  own("step_time_s.mean", "step time, mean", "s"),
                  own("step_time_s.p99", "step time, p99", "s"),
                  own("imbalance.gpu_max_over_mean", "busiest GPU", "×", "load over the mean"),
                  own("straggler_wait_fraction", "waiting", "share", "of the GPUs' time"),
                  own("gpu_use", "kernels running", "share", "of the GPUs' time"),
                  own("mfu", "MFU", "share"),
                  own("bytes.network", "over the network", "B", "per step"),
                  own("memory_bytes_max", "memory of the fullest GPU", "B")};
  if (number_at(summary, "metrics.drop_rate") > 0)
    figures.push_back(own("drop_rate", "routes dropped", "share"));
  return figures;
}

Json blame_bars(const Json& blame) {
  std::vector<std::string> names = {"as it was"};
  std::vector<double> values = {number_at(blame, "step_time_s")};
  for (const Json& cause : blame.at("causes")) {
    names.push_back(cause.at("cause").get<std::string>());
    values.push_back(number_at(cause, "step_time_s"));
  }
  Json part = bars_part("What a step would take without one cause of its time",
                        "The same draws, simulated again without each cause.",
                        {.unit = "s", .value = "step time", .horizontal = true}, names);
  part["series"].push_back(bar_series("step time", values));
  return part;
}

Json batch_sections(const Json& summary, const ResultFiles& files) {
  Json sections = Json::array({time_section(summary, files)});
  if (const auto blame = summary.find("blame"); blame != summary.end())
    sections.front()["parts"].push_back(blame_bars(*blame));
  for (Json own : {balance_section(summary, files), link_section(summary, files)})
    if (!own.at("parts").empty()) sections.push_back(std::move(own));
  return sections;
}

Json run_report(const Json& summary, const ResultFiles& files) {
  const Json& scenario = summary.at("scenario");
  const bool serves = summary.contains("serving");
  return {{"kind", "run"},
          {"title", scenario.at("name")},
          {"subject", subject_of(scenario)},
          {"answer", serves ? serving_answer(summary) : batch_answer(summary)},
          {"question", serves ? serving_question(summary) : batch_question(scenario)},
          {"assumptions", assumptions_of(scenario)},
          {"figures", serves ? serving_figures(summary) : batch_figures(summary)},
          {"sections", serves ? serving_sections(summary, files) : batch_sections(summary, files)},
          {"warnings", summary.at("warnings")},
          {"provenance", provenance_of(summary)},
          {"kernels", kernels_part(summary)},
          {"command", fmt::format("moesim run scenario.yaml{} -o again",
                                  summary.contains("blame") ? " --blame" : "")}};
}

const RegisterReport kRun({kSummarySchema, "summary.json", run_report});

}  // namespace
}  // namespace moesim
