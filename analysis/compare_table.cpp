#include "analysis/compare_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "analysis/format.hpp"
#include "analysis/paint.hpp"
#include "analysis/text_table.hpp"

namespace moesim {
namespace {

using Labels = std::vector<std::pair<std::string, std::string>>;

// Metrics that differ, and that are defined for some variant.
std::vector<std::size_t> shown_metrics(const VariantComparison& comparison) {
  std::vector<std::size_t> shown;
  for (std::size_t i = 0; i < compared_metrics().size(); ++i)
    if (!comparison.same[i] && compared_metrics()[i].in_table) shown.push_back(i);
  return shown;
}

// Keys that all variants have, with values that differ.
std::vector<std::size_t> varied_keys(const VariantComparison& comparison) {
  const Labels& first = comparison.rows.front().labels;
  std::vector<std::size_t> varied;
  for (std::size_t i = 0; i < first.size(); ++i)
    if (std::any_of(comparison.rows.begin(), comparison.rows.end(),
                    [&](const ComparedRow& row) { return row.labels[i] != first[i]; }))
      varied.push_back(i);
  return varied;
}

bool labelled_alike(const VariantComparison& comparison) {
  const Labels& first = comparison.rows.front().labels;
  return !first.empty() &&
         std::all_of(comparison.rows.begin(), comparison.rows.end(), [&](const ComparedRow& row) {
           return std::equal(row.labels.begin(), row.labels.end(), first.begin(), first.end(),
                             [](const auto& a, const auto& b) { return a.first == b.first; });
         });
}

// What says which variant a row is of: a column for each key that was varied, or one of names.
struct Names {
  std::vector<TextColumn> columns;
  std::vector<std::vector<TextCell>> rows;
};

Names names_of(const VariantComparison& comparison) {
  Names names;
  if (!labelled_alike(comparison)) {
    names.columns = {{"variant"}};
    for (const ComparedRow& row : comparison.rows) names.rows.push_back({row.name});
    return names;
  }
  const std::vector<std::size_t> keys = varied_keys(comparison);
  for (const std::size_t i : keys)
    names.columns.push_back({comparison.rows.front().labels[i].first});
  for (const ComparedRow& row : comparison.rows) {
    names.rows.emplace_back();
    for (const std::size_t i : keys) names.rows.back().emplace_back(row.labels[i].second);
  }
  return names;
}

// The best are marked where people can see that they are.
void add_figures(const VariantComparison& comparison, std::size_t metric,
                 std::vector<std::vector<TextCell>>& rows) {
  const auto& best = comparison.best[metric];
  std::set<std::string> seen;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const std::optional<double>& mean = comparison.rows[r].means[metric];
    rows[r].emplace_back(mean ? compared_metrics()[metric].shown(*mean) : "–");
    seen.insert(rows[r].back().text);
  }
  for (const std::size_t r : best) rows[r].back().best = seen.size() > 1;
}

// A column for each metric that differs. The last give way first where the screen is narrow.
TextTable metrics_table(const VariantComparison& comparison) {
  Names names = names_of(comparison);
  const std::vector<std::size_t> shown = shown_metrics(comparison);
  for (std::size_t rank = 0; rank < shown.size(); ++rank)
    names.columns.push_back({.title = compared_metrics()[shown[rank]].title,
                             .right = true,
                             .drop = static_cast<int>(rank)});
  TextTable table(std::move(names.columns));
  for (const std::size_t i : shown) add_figures(comparison, i, names.rows);
  for (std::vector<TextCell>& cells : names.rows) table.add(std::move(cells));
  return table;
}

std::string same_line(const VariantComparison& comparison) {
  std::string text;
  if (labelled_alike(comparison)) {
    const std::vector<std::size_t> varied = varied_keys(comparison);
    const Labels& labels = comparison.rows.front().labels;
    for (std::size_t i = 0; i < labels.size(); ++i)
      if (std::find(varied.begin(), varied.end(), i) == varied.end())
        text +=
            fmt::format("{}{} {}", text.empty() ? "" : " · ", labels[i].first, labels[i].second);
  }
  for (std::size_t i = 0; i < compared_metrics().size(); ++i) {
    const auto& value = comparison.rows.front().means[i];
    if (!comparison.same[i] || !value || !compared_metrics()[i].in_table) continue;
    text += fmt::format("{}{} {}", text.empty() ? "" : " · ", compared_metrics()[i].title,
                        compared_metrics()[i].shown(*value));
  }
  return text;
}

std::string seeds_line(const VariantComparison& comparison) {
  if (comparison.seeds.size() == 1) return fmt::format("seed {}", comparison.seeds.front());
  return fmt::format(
      "seeds {} to {}{}", comparison.seeds.front(), comparison.seeds.back(),
      comparison.seeds_alike ? ", which give the same runs" : ", the same draws for every variant");
}

std::string band_text(const ComparedRow& row) {
  if (!row.band) return "";
  return fmt::format("−{} to +{}", format_percent(std::fabs(row.band->low)),
                     format_percent(row.band->high));
}

bool has_bands(const VariantComparison& comparison) {
  return std::any_of(comparison.rows.begin(), comparison.rows.end(),
                     [](const ComparedRow& row) { return row.band.has_value(); });
}

// What to know about the differences.
std::vector<std::string> notes_on(const VariantComparison& comparison) {
  const bool spread = comparison.seeds.size() > 1 && !comparison.seeds_alike;
  std::vector<std::string> notes = {
      fmt::format("{}: difference of {} to {}", spread ? "mean over seeds" : "one draw",
                  comparison.metric->title, comparison.rows[comparison.baseline].name)};
  if (comparison.seeds_alike)
    notes.push_back(
        "nothing in these runs depends on the seed (a recorded trace): more seeds say no more");
  else if (spread)
    notes.push_back(
        fmt::format("in brackets: where it lies with {:.0f} % confidence (Student's t "
                    "over {} pairs of runs on the same draws)",
                    100 * kConfidence, comparison.seeds.size()));
  else
    notes.push_back("one seed says nothing of how a difference varies: --seeds 5");
  if (has_bands(comparison))
    notes.push_back(
        "calibration: how far the value itself may be off because the kernels' costs "
        "are; much of it is common to all variants");
  return notes;
}

bool shows_nothing(const ComparedRow& row) {
  return row.has_difference && row.difference.finding == Finding::kNothing;
}

// The chosen metric of each variant, with bars from 0, and how far it is from the baseline.
TextTable differences_table(const VariantComparison& comparison) {
  Names names = names_of(comparison);
  const auto chosen = static_cast<std::size_t>(comparison.metric - compared_metrics().data());
  double largest = 0;
  for (const ComparedRow& row : comparison.rows)
    largest = std::max(largest, row.means[chosen].value_or(0));
  names.columns.push_back({.title = comparison.metric->title, .right = true});
  names.columns.push_back({.bar = true});
  names.columns.push_back({.title = "difference", .right = true});
  const bool banded = has_bands(comparison);
  if (banded) names.columns.push_back({.title = "calibration", .right = true, .drop = 1});
  const bool uncertain = std::any_of(comparison.rows.begin(), comparison.rows.end(), shows_nothing);
  if (uncertain) names.columns.push_back({.title = "finding"});
  TextTable table(std::move(names.columns));
  for (std::size_t r = 0; r < comparison.rows.size(); ++r) {
    const ComparedRow& row = comparison.rows[r];
    const std::optional<double>& mean = row.means[chosen];
    std::vector<TextCell>& cells = names.rows[r];
    cells.emplace_back(mean ? comparison.metric->shown(*mean) : "–");
    cells.emplace_back("", largest > 0 ? mean.value_or(0) / largest : 0);
    cells.back().dim = r == comparison.baseline;
    const bool shown = r != comparison.baseline && row.has_difference;
    cells.emplace_back(shown ? shown_difference(row.difference)
                             : shown_difference(row, r == comparison.baseline));
    if (banded) cells.emplace_back(band_text(row));
    if (uncertain) cells.emplace_back(shows_nothing(row) ? kNoDifference : "");
    table.add(std::move(cells));
  }
  return table;
}

// "best in tokens/s per GPU: lpt, +0.93 % (+0.50 % to +1.40 %) against eplb, the next".
std::string verdict_line(const VariantComparison& comparison) {
  if (!comparison.verdict) return {};
  const Verdict& verdict = *comparison.verdict;
  const std::string best = comparison.rows[verdict.best].name;
  const std::string next = comparison.rows[verdict.next].name;
  const std::string start = fmt::format("best in {}: ", comparison.metric->title);
  if (verdict.lead.finding == Finding::kSame) return start + best + ", and the same with " + next;
  if (verdict.lead.finding == Finding::kNothing)
    return fmt::format("{}{}, but against {}, the next, {}: {}", start, best, next, kNoDifference,
                       shown_difference(verdict.lead));
  return fmt::format("{}{}, {} against {}, the next", start, best, shown_difference(verdict.lead),
                     next);
}

}  // namespace

std::string comparison_text(const VariantComparison& comparison, const CompareHeading& heading,
                            const Screen& screen) {
  const Paint paint(screen.colour);
  const auto prose = [&](const std::string& text, const std::string& indent) {
    return wrap(screen.shown(text), screen.prose(), indent) + "\n";
  };
  std::string text = paint(Ink::kBold, screen.shown(heading.title)) + "\n";
  if (!heading.subject.empty()) text += prose(heading.subject, "  ");
  text += prose(seeds_line(comparison), "  ");
  if (const std::string same = same_line(comparison); !same.empty())
    text += prose("same for all: " + same, "  ");
  const bool metrics = !shown_metrics(comparison).empty();
  if (metrics) text += "\n" + metrics_table(comparison).text(screen);
  text += "\n" + differences_table(comparison).text(screen) + "\n";
  if (const std::string verdict = verdict_line(comparison); !verdict.empty())
    text += paint(Ink::kBold, prose(verdict, "  "));
  for (const std::string& note : notes_on(comparison)) text += prose(note, "  ");
  if (metrics) text += "* best of its column\n";
  if (!comparison.warnings.empty()) text += "\n";
  for (const std::string& warning : comparison.warnings)
    text += prose(paint(Ink::kYellow, "warning:") + " " + warning, "         ");
  return text;
}

std::string comparison_markdown(const VariantComparison& comparison,
                                const CompareHeading& heading) {
  std::string text = "## " + heading.title + "\n\n";
  if (!heading.subject.empty()) text += heading.subject + "\n\n";
  text += seeds_line(comparison) + "\n\n";
  if (const std::string same = same_line(comparison); !same.empty())
    text += "same for all: " + same + "\n\n";
  if (!shown_metrics(comparison).empty()) text += metrics_table(comparison).markdown() + "\n";
  text += differences_table(comparison).markdown() + "\n";
  if (const std::string verdict = verdict_line(comparison); !verdict.empty())
    text += "* " + verdict + "\n";
  for (const std::string& note : notes_on(comparison)) text += "* " + note + "\n";
  for (const std::string& warning : comparison.warnings) text += "* warning: " + warning + "\n";
  return text;
}

}  // namespace moesim
