#include "analysis/text_table.hpp"

#include "analysis/csv_row.hpp"
#include "analysis/table_layout.hpp"
#include "sim/base/check.hpp"
#include "sim/base/csv.hpp"

namespace moesim {
namespace {

std::string escaped(std::string text) {
  for (std::size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2)
    text.insert(at, 1, '\\');
  return text;
}

}  // namespace

void TextTable::add(std::vector<TextCell> cells) {
  MOESIM_CHECK(cells.size() == columns_.size(), "a row has a cell for each column");
  rows_.push_back(std::move(cells));
}

std::string TextTable::text(const Screen& screen) const {
  return TableLayout(columns_, rows_, screen).text();
}

std::string TextTable::markdown() const {
  std::string text = "|", rule = "|";
  for (const TextColumn& column : columns_) {
    if (column.bar) continue;
    text += " " + escaped(column.title) + (column.title.empty() ? "|" : " |");
    rule += column.right ? "---:|" : "---|";
  }
  text += "\n" + rule + "\n";
  for (const auto& row : rows_) {
    text += "|";
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (columns_[i].bar) continue;
      const std::string cell = escaped(row[i].text);
      text += row[i].best ? " **" + cell + "** |" : " " + cell + (cell.empty() ? "|" : " |");
    }
    text += "\n";
  }
  return text;
}

std::string TextTable::csv() const {
  CsvRow titles;
  for (const TextColumn& column : columns_)
    if (!column.bar) titles.put(csv_field(column.key.empty() ? column.title : column.key));
  std::string text = titles.line();
  for (const auto& row : rows_) {
    CsvRow line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (columns_[i].bar) continue;
      if (row[i].number)
        line.add(*row[i].number);
      else
        line.put(csv_field(row[i].text));
    }
    text += line.line();
  }
  return text;
}

}  // namespace moesim
