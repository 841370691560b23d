// Where the cells of a table stand on a screen: see text_table.hpp.
#pragma once

#include <string>
#include <vector>

#include "analysis/text_table.hpp"

namespace moesim {

class TableLayout {
 public:
  TableLayout(const std::vector<TextColumn>& columns,
              const std::vector<std::vector<TextCell>>& rows, const Screen& screen);
  std::string text() const;

 private:
  bool marked(std::size_t column) const;
  std::string shown(const TextCell& cell, std::size_t column) const;
  std::size_t line_width() const;
  void measure();
  void drop_columns(std::size_t limit);
  void widen_bars(std::size_t limit);
  void narrow_cells(std::size_t limit);
  std::string bar_text(const TextCell& cell, std::size_t width) const;
  // Lines of cells, each as wide as its column at most.
  std::string aligned(const std::vector<std::vector<std::string>>& cells) const;
  std::string titles_text() const;
  std::string row_text(const std::vector<TextCell>& row) const;

  std::vector<TextColumn> columns_;
  std::vector<std::vector<TextCell>> rows_;
  Screen screen_;
  std::vector<std::size_t> widths_;
  std::vector<std::string> dropped_;
};

}  // namespace moesim
