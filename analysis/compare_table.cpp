#include "analysis/compare_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "analysis/format.hpp"
#include "analysis/paint.hpp"

namespace moesim {
namespace {

constexpr const char* kBest = "*";
constexpr std::size_t kWidth = 100;

struct Cell {
  std::string text;
  bool best = false;
};

struct Table {
  std::size_t names = 1;  // columns that say which variant it is
  std::vector<std::string> titles;
  std::vector<std::vector<Cell>> rows;
};

// Metrics that differ, and that are defined for some variant.
std::vector<std::size_t> shown_metrics(const VariantComparison& comparison) {
  std::vector<std::size_t> shown;
  for (std::size_t i = 0; i < compared_metrics().size(); ++i)
    if (!comparison.same[i] && compared_metrics()[i].in_table) shown.push_back(i);
  return shown;
}

// A column for each varied key, or one of names.
Table named_rows(const VariantComparison& comparison) {
  const auto& keys = comparison.rows.front().labels;
  const bool alike =
      !keys.empty() &&
      std::all_of(comparison.rows.begin(), comparison.rows.end(), [&](const ComparedRow& row) {
        return std::equal(row.labels.begin(), row.labels.end(), keys.begin(), keys.end(),
                          [](const auto& a, const auto& b) { return a.first == b.first; });
      });
  Table table;
  if (!alike) {
    table.titles = {"variant"};
    for (const ComparedRow& row : comparison.rows) table.rows.push_back({{row.name}});
    return table;
  }
  table.names = keys.size();
  for (const auto& [key, value] : keys) table.titles.push_back(key);
  for (const ComparedRow& row : comparison.rows) {
    table.rows.emplace_back();
    for (const auto& [key, value] : row.labels) table.rows.back().push_back({value});
  }
  return table;
}

Table table_of(const VariantComparison& comparison) {
  Table table = named_rows(comparison);
  const std::vector<std::size_t> shown = shown_metrics(comparison);
  for (const std::size_t i : shown) table.titles.push_back(compared_metrics()[i].title);
  for (std::size_t r = 0; r < comparison.rows.size(); ++r) {
    const ComparedRow& row = comparison.rows[r];
    std::vector<Cell>& cells = table.rows[r];
    for (const std::size_t i : shown) {
      const auto& best = comparison.best[i];
      cells.push_back({row.means[i] ? compared_metrics()[i].shown(*row.means[i]) : "–",
                       std::find(best.begin(), best.end(), r) != best.end()});
    }
  }
  return table;
}

std::string same_line(const VariantComparison& comparison) {
  std::string text;
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
  return fmt::format("seeds {} to {}, the same draws for every variant", comparison.seeds.front(),
                     comparison.seeds.back());
}

std::string band_text(const ComparedRow& row) {
  if (!row.band) return "";
  return fmt::format("−{} to +{}", format_percent(std::fabs(row.band->low)),
                     format_percent(row.band->high));
}

// What to know about the differences.
std::vector<std::string> notes_on(const VariantComparison& comparison) {
  std::vector<std::string> notes = {fmt::format(
      "{}: difference of {} to {}", comparison.seeds.size() > 1 ? "mean over seeds" : "one seed",
      comparison.metric->title, comparison.rows[comparison.baseline].name)};
  if (comparison.seeds.size() > 1)
    notes.push_back(
        fmt::format("in brackets: where it lies with {:.0f} % confidence (Student's t "
                    "over {} pairs of runs on the same draws)",
                    100 * kConfidence, comparison.seeds.size()));
  else
    notes.push_back("one seed says nothing of how a difference varies: --seeds 5");
  const bool banded = std::any_of(comparison.rows.begin(), comparison.rows.end(),
                                  [](const ComparedRow& row) { return row.band.has_value(); });
  if (banded)
    notes.push_back(
        "calibration: how far the value itself may be off because the kernels' costs "
        "are; much of it is common to all variants");
  return notes;
}

std::string aligned(const Table& table, const Paint& paint) {
  std::vector<std::size_t> widths;
  for (const std::string& title : table.titles) widths.push_back(display_width(title));
  const auto text_of = [](const Cell& cell) { return cell.best ? cell.text + kBest : cell.text; };
  for (const auto& row : table.rows)
    for (std::size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], display_width(text_of(row[i])));
  std::string text;
  const auto add = [&](std::size_t i, const std::string& cell) {
    if (i > 0) text += "  ";
    text += i < table.names ? pad_right(cell, widths[i]) : pad_left(cell, widths[i]);
  };
  const auto end_line = [&] { text.erase(text.find_last_not_of(' ') + 1), text += "\n"; };
  for (std::size_t i = 0; i < table.titles.size(); ++i) add(i, paint(Ink::kDim, table.titles[i]));
  end_line();
  for (const auto& row : table.rows) {
    for (std::size_t i = 0; i < row.size(); ++i)
      add(i, row[i].best ? paint(Ink::kBold, text_of(row[i])) : row[i].text);
    end_line();
  }
  return text;
}

Table differences_of(const VariantComparison& comparison) {
  Table table = named_rows(comparison);
  for (const char* title : {comparison.metric->title.c_str(), "difference", "calibration"})
    table.titles.emplace_back(title);
  const auto chosen = static_cast<std::size_t>(comparison.metric - compared_metrics().data());
  for (std::size_t r = 0; r < comparison.rows.size(); ++r) {
    const ComparedRow& row = comparison.rows[r];
    for (std::string text :
         {row.means[chosen] ? comparison.metric->shown(*row.means[chosen]) : std::string("–"),
          shown_difference(row, r == comparison.baseline), band_text(row)})
      table.rows[r].push_back({std::move(text)});
  }
  return table;
}

std::string markdown(const Table& table) {
  const auto escaped = [](std::string text) {
    for (std::size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2)
      text.insert(at, 1, '\\');
    return text;
  };
  std::string text, rule = "|";
  for (std::size_t i = 0; i < table.titles.size(); ++i) {
    text += "| " + escaped(table.titles[i]) + " ";
    rule += i < table.names ? "---|" : "---:|";
  }
  text += "|\n" + rule + "\n";
  for (const auto& row : table.rows) {
    for (const Cell& cell : row)
      text += cell.best ? "| **" + escaped(cell.text) + "** " : "| " + escaped(cell.text) + " ";
    text += "|\n";
  }
  return text;
}

}  // namespace

std::string comparison_text(const VariantComparison& comparison, const CompareHeading& heading,
                            bool colour) {
  const Paint paint(colour);
  std::string text = paint(Ink::kBold, heading.title) + "\n";
  if (!heading.subject.empty()) text += heading.subject + "\n";
  text += seeds_line(comparison) + "\n";
  if (const std::string same = same_line(comparison); !same.empty())
    text += wrap("same for all: " + same, kWidth, "  ") + "\n";
  const Table table = table_of(comparison);
  if (table.titles.size() > table.names) text += "\n" + aligned(table, paint);
  text += "\n" + aligned(differences_of(comparison), paint) + "\n";
  for (const std::string& note : notes_on(comparison)) text += wrap(note, kWidth, "  ") + "\n";
  if (table.titles.size() > table.names) text += fmt::format("{} best of its column\n", kBest);
  if (!comparison.warnings.empty()) text += "\n";
  for (const std::string& warning : comparison.warnings)
    text += wrap(paint(Ink::kYellow, "warning:") + " " + warning, kWidth, "         ") + "\n";
  return text;
}

std::string comparison_markdown(const VariantComparison& comparison,
                                const CompareHeading& heading) {
  std::string text = "## " + heading.title + "\n\n";
  if (!heading.subject.empty()) text += heading.subject + "\n\n";
  text += seeds_line(comparison) + "\n\n";
  if (const std::string same = same_line(comparison); !same.empty())
    text += "same for all: " + same + "\n\n";
  const Table table = table_of(comparison);
  if (table.titles.size() > table.names) text += markdown(table) + "\n";
  text += markdown(differences_of(comparison)) + "\n";
  for (const std::string& note : notes_on(comparison)) text += "* " + note + "\n";
  for (const std::string& warning : comparison.warnings) text += "* warning: " + warning + "\n";
  return text;
}

}  // namespace moesim
