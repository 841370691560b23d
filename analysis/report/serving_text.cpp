#include <fmt/format.h>

#include <cmath>

#include "analysis/format.hpp"
#include "analysis/report/parts.hpp"
#include "analysis/report/provenance.hpp"
#include "analysis/report/serving_charts.hpp"

namespace moesim {
namespace {

constexpr std::pair<const char*, const char*> kTargets[] = {
    {"ttft_s", "TTFT"}, {"tpot_s", "TPOT"}, {"e2e_s", "end to end"}};

std::string targets_text(const Json& targets) {
  std::string text;
  for (const auto& [key, name] : kTargets)
    if (const double limit = number_at(targets, key); limit > 0)
      text +=
          fmt::format("{}{} ≤ {}", text.empty() ? "" : " and ", name, format_time(Seconds(limit)));
  return text;
}

}  // namespace

std::string serving_answer(const Json& summary) {
  const Json& serving = summary.at("serving");
  std::string text = fmt::format(
      "{} serves {} requests/s and writes {} tokens/s; half of the requests have their first token "
      "after {}, 99 % after {}",
      subject_of(summary.at("scenario")), format_count(number_at(serving, "requests_per_s")),
      format_count(number_at(serving, "output_tokens_per_s")),
      format_time(Seconds(number_at(serving, "ttft_s.p50"))),
      format_time(Seconds(number_at(serving, "ttft_s.p99"))));
  if (const double tpot = number_at(serving, "tpot_s.mean"); std::isfinite(tpot))
    text += fmt::format(", and then a token every {}", format_time(Seconds(tpot)));
  if (const double met = number_at(serving, "slo_attainment"); std::isfinite(met))
    text +=
        fmt::format("; {} of them meet {}", format_percent(met), targets_text(serving.at("slo")));
  return text + ".";
}

std::string serving_question(const Json& summary) {
  const std::string targets = targets_text(summary.at("serving").at("slo"));
  return fmt::format("How long do users wait for {} under this load{}?",
                     subject_of(summary.at("scenario")),
                     targets.empty() ? "" : ", and how many of them get " + targets);
}

Json serving_figures(const Json& summary) {
  const auto own = [&](const char* key, const char* title, const char* unit,
                       const char* note = "") { return figure(summary, key, title, unit, note); };
  Json figures = {own("serving.requests_per_s", "requests served", "requests/s"),
                  own("serving.output_tokens_per_s", "throughput, answers", "tokens/s"),
                  own("serving.output_tokens_per_s_per_gpu", "answers per GPU", "tokens/s"),
                  own("serving.input_tokens_per_s", "throughput, prompts", "tokens/s"),
                  own("serving.ttft_s.p50", "TTFT, p50", "s"),
                  own("serving.ttft_s.p99", "TTFT, p99", "s"),
                  own("serving.tpot_s.mean", "TPOT, mean", "s"),
                  own("serving.itl_s.p99", "ITL, p99", "s"),
                  own("serving.under_way.mean", "requests at once", "", "mean over the run")};
  if (std::isfinite(number_at(summary, "serving.slo_attainment"))) {
    figures.push_back(
        own("serving.slo_attainment", "meet the targets", "share", "of the requests"));
    figures.push_back(own("serving.goodput_requests_per_s", "goodput", "requests/s"));
  }
  return figures;
}

}  // namespace moesim
