#include "analysis/table_layout.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "analysis/format.hpp"

namespace moesim {
namespace {

constexpr const char* kBest = "*";
constexpr std::size_t kGap = 2, kChartShortBar = 8, kLongBar = 20, kNarrowColumn = 6,
                      kUnbound = 100;

// Broken at blanks, and inside words that are too long, into lines of at most `width` columns.
std::vector<std::string> broken(const std::string& text, std::size_t width) {
  if (display_width(text) <= width) return {text};
  std::vector<std::string> lines(1);
  const std::string words = wrap(text, width, "");
  std::size_t used = 0;
  for (std::size_t at = 0; at < words.size();) {
    std::size_t end = at + 1;
    while (end < words.size() && (static_cast<unsigned char>(words[end]) & 0xC0) == 0x80) ++end;
    const bool line_end = words[at] == '\n';
    if (line_end || used == width) {
      lines.emplace_back();
      used = 0;
    }
    if (!line_end) {
      lines.back() += words.substr(at, end - at);
      ++used;
    }
    at = end;
  }
  return lines;
}

}  // namespace

TableLayout::TableLayout(const std::vector<TextColumn>& columns,
                         const std::vector<std::vector<TextCell>>& rows, const Screen& screen)
    : columns_(columns), rows_(rows), screen_(screen) {
  for (TextColumn& column : columns_) column.title = screen.shown(column.title);
  for (auto& row : rows_)
    for (TextCell& cell : row) cell.text = screen.shown(cell.text);
  measure();
  if (screen.columns) drop_columns(*screen.columns);
  widen_bars(screen.columns.value_or(kUnbound));
  if (screen.columns) narrow_cells(*screen.columns);
}

bool TableLayout::marked(std::size_t column) const {
  return std::any_of(rows_.begin(), rows_.end(), [&](const auto& row) { return row[column].best; });
}

// The mark of the best stands beside the figures, which stay below each other.
std::string TableLayout::shown(const TextCell& cell, std::size_t column) const {
  if (cell.best) return cell.text + kBest;
  return columns_[column].right && marked(column) ? cell.text + " " : cell.text;
}

void TableLayout::measure() {
  widths_.clear();
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const TextColumn& column = columns_[i];
    std::size_t width = display_width(column.title) + (column.right && marked(i) ? 1 : 0);
    width = std::max(width, column.bar ? kChartShortBar : column.width);
    if (!column.bar)
      for (const auto& row : rows_) width = std::max(width, display_width(shown(row[i], i)));
    widths_.push_back(width);
  }
}

std::size_t TableLayout::line_width() const {
  std::size_t sum = widths_.empty() ? 0 : kGap * (widths_.size() - 1);
  for (const std::size_t width : widths_) sum += width;
  return sum;
}

void TableLayout::drop_columns(std::size_t limit) {
  while (line_width() > limit) {
    auto least = columns_.end();
    for (auto column = columns_.begin(); column != columns_.end(); ++column)
      if (column->drop > 0 && (least == columns_.end() || column->drop >= least->drop))
        least = column;
    if (least == columns_.end())
      least = std::find_if(columns_.begin(), columns_.end(),
                           [](const TextColumn& column) { return column.bar; });
    if (least == columns_.end()) return;
    if (!least->bar) dropped_.insert(dropped_.begin(), least->title);
    const auto index = least - columns_.begin();
    columns_.erase(least);
    for (auto& row : rows_) row.erase(row.begin() + index);
    measure();
  }
}

void TableLayout::widen_bars(std::size_t limit) {
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (!columns_[i].bar) continue;
    const std::size_t most = columns_[i].width > 0 ? columns_[i].width : kLongBar;
    while (widths_[i] < most && line_width() < limit) ++widths_[i];
  }
}

void TableLayout::narrow_cells(std::size_t limit) {
  while (line_width() > limit) {
    const auto widest = std::max_element(widths_.begin(), widths_.end());
    if (*widest <= kNarrowColumn) return;
    --*widest;
  }
}

std::string TableLayout::bar_text(const TextCell& cell, std::size_t width) const {
  const double share = cell.number.value_or(0);
  const double filled = std::isfinite(share) ? std::clamp(share, 0.0, 1.0) : 0;
  const std::string drawn = screen_.shown(bar(filled * static_cast<double>(width)));
  return Paint(screen_.colour)(cell.dim ? Ink::kDim : Ink::kBlue, drawn);
}

std::string TableLayout::aligned(const std::vector<std::vector<std::string>>& cells) const {
  std::size_t lines = 1;
  for (const auto& cell : cells) lines = std::max(lines, cell.size());
  std::string text;
  for (std::size_t line = 0; line < lines; ++line) {
    for (std::size_t i = 0; i < cells.size(); ++i) {
      if (i > 0) text += std::string(kGap, ' ');
      const std::string part = line < cells[i].size() ? cells[i][line] : "";
      text += columns_[i].right ? pad_left(part, widths_[i]) : pad_right(part, widths_[i]);
    }
    text.erase(text.find_last_not_of(' ') + 1);
    text += "\n";
  }
  return text;
}

std::string TableLayout::titles_text() const {
  std::vector<std::vector<std::string>> cells;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const TextColumn& column = columns_[i];
    cells.push_back(broken(column.title + (column.right && marked(i) ? " " : ""), widths_[i]));
    for (std::string& line : cells.back()) line = Paint(screen_.colour)(Ink::kDim, line);
  }
  return aligned(cells);
}

std::string TableLayout::row_text(const std::vector<TextCell>& row) const {
  std::vector<std::vector<std::string>> cells;
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (columns_[i].bar) {
      cells.push_back({bar_text(row[i], widths_[i])});
      continue;
    }
    cells.push_back(broken(shown(row[i], i), widths_[i]));
    if (row[i].best)
      for (std::string& line : cells.back()) line = Paint(screen_.colour)(Ink::kBold, line);
  }
  return aligned(cells);
}

std::string TableLayout::text() const {
  const bool titled = std::any_of(columns_.begin(), columns_.end(),
                                  [](const TextColumn& column) { return !column.title.empty(); });
  std::string text = titled ? titles_text() : "";
  for (const auto& row : rows_) text += row_text(row);
  if (!dropped_.empty())
    text += wrap(screen_.shown(fmt::format("(no room for: {})", fmt::join(dropped_, ", "))),
                 screen_.prose(), " ") +
            "\n";
  return text;
}

}  // namespace moesim
