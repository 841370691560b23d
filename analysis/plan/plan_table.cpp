#include "analysis/plan/plan_table.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "analysis/format.hpp"
#include "analysis/lines.hpp"
#include "analysis/plan/plan_text.hpp"
#include "analysis/text_table.hpp"

namespace moesim {
namespace {

using Row = std::vector<std::string>;

constexpr std::size_t kBar = 24;

// A title each: the first column to the left, others to the right.
std::vector<TextColumn> columns_of(const Row& titles) {
  std::vector<TextColumn> columns;
  for (const std::string& title : titles) columns.push_back({title, !columns.empty()});
  return columns;
}

// Rows with a bar behind each, the longest of them whole.
void add_barred(Lines& lines, const Row& titles, const std::vector<Row>& rows,
                const std::vector<double>& bars) {
  std::vector<TextColumn> columns = columns_of(titles);
  columns.push_back({.title = "", .width = kBar, .bar = true});
  TextTable table(std::move(columns));
  const double longest = *std::max_element(bars.begin(), bars.end());
  for (std::size_t row = 0; row < rows.size(); ++row) {
    std::vector<TextCell> cells(rows[row].begin(), rows[row].end());
    cells.emplace_back("", longest > 0 ? bars[row] / longest : 0);
    table.add(std::move(cells));
  }
  lines.append(table.text(lines.screen()));
}

std::string dollars(double amount) { return "$" + format_number(amount); }

void add_deployment(Lines& lines, const PlanQuestion& question, const PlanAnswer& answer,
                    const Deployment& deployment) {
  lines.add("firm", firmness_text(deployment));
  lines.add("costs from", basis_text(deployment));
  lines.add("decode", pool_size_text(question, answer, deployment.decode));
  if (deployment.prefill)
    lines.add("prefill", pool_size_text(question, answer, *deployment.prefill));
}

void add_answer(Lines& lines, const PlanQuestion& question, const PlanAnswer& answer) {
  lines.add("answer", lines.paint()(Ink::kBold, answer_sentence(question, answer)));
  if (!answer.cheapest) return;
  add_deployment(lines, question, answer, answer.deployments[*answer.cheapest]);
  if (const auto measured = cheapest_measured(answer))
    lines.add("if measured", "cheapest of the machines whose kernels were measured: " +
                                 deployment_text(question, answer.deployments[*measured]));
  const std::string rivals = rivals_text(question, answer);
  if (!rivals.empty()) lines.add("rivals", rivals);
  if (*answer.smallest == *answer.cheapest) return;
  lines.plain("the smallest:");
  add_deployment(lines, question, answer, answer.deployments[*answer.smallest]);
}

std::string band_text(const Deployment& deployment) {
  if (!deployment.band) return "–";
  return deployment.band->high
             ? fmt::format("{} to {}", deployment.band->low, *deployment.band->high)
             : fmt::format("{} or more", deployment.band->low);
}

void add_clusters(Lines& lines, const PlanQuestion& question, const PlanAnswer& answer) {
  if (answer.deployments.empty()) return;
  TextTable table(columns_of({"cluster", "nodes", "within error", "GPUs", "$/h", "$/M tokens",
                              "kWh/M", "per token", "tokens/s per GPU", "headroom"}));
  for (const Deployment& d : answer.deployments)
    table.add(Row{question.clusters[d.cluster].name + (is_datasheet(d) ? " ¹" : ""),
                  fmt::format("{}", d.nodes), band_text(d), fmt::format("{}", d.gpus),
                  format_number(d.dollars_per_hour), format_number(d.dollars_per_million),
                  format_number(d.kwh_per_million), format_time(d.decode.point.latency),
                  format_count(d.decode.point.step.tokens_per_s / d.decode.point.step.gpus),
                  format_percent(d.headroom)});
  lines.gap();
  lines.append(table.text(lines.screen()));
  for (const Deployment& d : answer.deployments)
    if (is_datasheet(d)) {
      lines.plain(
          "¹ nobody measured this GPU's kernels: they are moved by datasheet ratios, so its "
          "figures are estimates");
      break;
    }
}

void add_misses(Lines& lines, const PlanAnswer& answer) {
  if (answer.misses.empty()) return;
  lines.gap();
  bool nearest = answer.deployments.empty();
  for (const Miss& miss : answer.misses) {
    lines.add(nearest ? "nearest miss" : "not met", miss.text);
    if (!miss.mend.empty()) lines.add("", "what would mend it: " + miss.mend);
    nearest = false;
  }
}

// Of the clusters in use; one front after the other would be long.
void add_pareto(Lines& lines, const PlanQuestion& question, const PlanAnswer& answer) {
  if (!answer.cheapest) return;
  std::vector<std::size_t> clusters = {answer.deployments[*answer.cheapest].cluster};
  if (*answer.smallest != *answer.cheapest)
    clusters.push_back(answer.deployments[*answer.smallest].cluster);
  for (const std::size_t cluster : clusters) {
    std::vector<Row> rows;
    std::vector<double> bars;
    for (const ParetoPoint& point : answer.pareto) {
      if (!point.front || point.option.cluster != cluster) continue;
      rows.push_back({option_text(question, point.option), format_time(point.latency),
                      fmt::format("{}", point.batch), format_count(point.tokens_per_s_per_gpu)});
      bars.push_back(point.tokens_per_s_per_gpu);
    }
    if (rows.empty()) continue;
    lines.gap();
    add_barred(lines, {"Pareto front of decode", "per token", "sequences", "tokens/s per GPU"},
               rows, bars);
  }
}

void add_what_ifs_of(Lines& lines, const PlanQuestion& question, const PlanAnswer& answer,
                     std::size_t deployment) {
  const Deployment& about = answer.deployments[deployment];
  std::vector<Row> rows;
  std::vector<double> bars;
  std::vector<std::string> notes;
  for (const WhatIf& what_if : answer.what_ifs) {
    if (what_if.deployment != deployment) continue;
    const bool known = what_if.why_not.empty();
    const std::string nodes =
        what_if.nodes ? fmt::format("{}", *what_if.nodes) : std::string("none do");
    rows.push_back(
        {what_if.name, known ? nodes : "–", known ? format_percent(what_if.share) : "–"});
    bars.push_back(known ? what_if.share : 0);
    const std::string& note = known ? what_if.note : what_if.why_not;
    if (!note.empty()) notes.push_back(what_if.name + ": " + note);
  }
  if (bars.empty()) return;
  lines.gap();
  add_barred(
      lines,
      {fmt::format("what if, {} nodes of {}", about.nodes, question.clusters[about.cluster].name),
       "nodes needed", "bears of the workload"},
      rows, bars);
  for (const std::string& note : notes) lines.plain(note, "  ");
}

void add_what_ifs(Lines& lines, const PlanQuestion& question, const PlanAnswer& answer) {
  if (!answer.cheapest) return;
  add_what_ifs_of(lines, question, answer, *answer.cheapest);
  if (*answer.smallest != *answer.cheapest)
    add_what_ifs_of(lines, question, answer, *answer.smallest);
}

void add_growth(Lines& lines, const PlanQuestion& question, const PlanAnswer& answer) {
  if (answer.growth.empty() || !answer.cheapest) return;
  lines.gap();
  for (const GrowthStep& step : answer.growth) {
    const std::string label = fmt::format("{} × load", format_number(step.factor));
    lines.add(label, step.cluster ? fmt::format("{} nodes of {}, {} an hour", step.nodes,
                                                question.clusters[*step.cluster].name,
                                                dollars(step.dollars_per_hour))
                                  : std::string("no cluster has nodes enough"));
  }
}

void add_verified(Lines& lines, const PlanAnswer& answer) {
  if (!answer.verified) return;
  const Verified& served = *answer.verified;
  lines.gap();
  lines.add("served", fmt::format("{} requests on the cheapest, queues included: {} meet the "
                                  "targets · first token after {}, p99 {} · {} per token, p99 {}",
                                  served.requests, format_percent(served.attainment),
                                  format_time(served.ttft_mean), format_time(served.ttft_p99),
                                  format_time(served.tpot_mean), format_time(served.tpot_p99)));
}

void add_footing(Lines& lines, const PlanQuestion& question, const PlanAnswer& answer) {
  lines.gap();
  std::string left_out;
  for (const std::string& part : not_included(question))
    left_out += (left_out.empty() ? "" : "; ") + part;
  lines.add("steady state", "not included: " + left_out);
  int decided = 0;
  for (const Candidate& candidate : answer.candidates) decided += candidate.decided ? 1 : 0;
  lines.add("looked at", fmt::format("{} options, {} with the full network · {} steps simulated",
                                     answer.candidates.size(), decided, answer.simulated));
  if (!answer.warnings.empty()) lines.gap();
  for (const std::string& warning : answer.warnings)
    lines.plain(lines.paint()(Ink::kYellow, "warning:") + " " + warning, std::string(9, ' '));
}

}  // namespace

std::string plan_table(const PlanQuestion& question, const PlanAnswer& answer,
                       const Screen& screen) {
  Lines lines(screen);
  lines.plain(lines.paint()(Ink::kBold, question.name));
  lines.plain(workload_text(question.workload));
  lines.plain(targets_text(question.targets));
  lines.gap();
  add_answer(lines, question, answer);
  add_clusters(lines, question, answer);
  add_misses(lines, answer);
  add_pareto(lines, question, answer);
  add_what_ifs(lines, question, answer);
  add_growth(lines, question, answer);
  add_verified(lines, answer);
  add_footing(lines, question, answer);
  return screen.shown(lines.text());
}

}  // namespace moesim
