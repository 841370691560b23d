// A table, said once: rows of cells that a terminal, Markdown and CSV show each in its way.
//
// On a terminal columns are as wide as their widest cell. Where a line would not fit, what gives
// way is, in this order: bars shrink; columns go that may be dropped, from the highest `drop` on;
// bars go; the widest cells are broken into lines. No line is longer than the screen is wide.
#pragma once

#include <concepts>
#include <optional>
#include <string>
#include <vector>

#include "analysis/paint.hpp"
#include "analysis/screen.hpp"

namespace moesim {

struct TextColumn {
  std::string title;
  bool right = false;     // numbers
  int drop = 0;           // 0: stays
  std::string key = {};   // its name in CSV; the title where it is empty
  std::size_t width = 0;  // at least; of a bar: at most
  bool bar = false;  // drawn from the numbers of its cells, shares of a full bar; terminal only
};

struct TextCell {
  TextCell() = default;
  TextCell(const char* shown) : text(shown) {}
  TextCell(std::string shown) : text(std::move(shown)) {}
  // CSV has the number, so that it reads back exactly. One that is not finite is not known.
  TextCell(std::string shown, double value) : text(std::move(shown)), number(value) {}

  std::string text;
  std::optional<double> number = {};
  bool best = false;  // marked
  bool dim = false;   // of a bar: of what the others are compared with
};

class TextTable {
 public:
  explicit TextTable(std::vector<TextColumn> columns) : columns_(std::move(columns)) {}
  // One cell a column.
  void add(std::vector<TextCell> cells);
  template <std::same_as<std::vector<std::string>> Texts>
  void add(const Texts& texts) {
    add(std::vector<TextCell>(texts.begin(), texts.end()));
  }
  std::size_t rows() const { return rows_.size(); }

  // A line of titles, if there are any, then the rows, each ending with a line end. Columns that
  // did not fit are named below.
  std::string text(const Screen& screen = {}) const;
  std::string markdown() const;
  // RFC 4180, lines end in LF.
  std::string csv() const;

 private:
  std::vector<TextColumn> columns_;
  std::vector<std::vector<TextCell>> rows_;
};

}  // namespace moesim
