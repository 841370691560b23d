// What a text is shown on: a terminal with so many columns, a file, a pipe.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace moesim {

struct Screen {
  bool colour = false;  // ANSI colours
  bool unicode = true;  // else ASCII alone
  // Of a terminal. None: a file or a pipe, where tables keep all their columns.
  std::optional<std::size_t> columns = {};

  // Columns of running text: no more than people like to read.
  std::size_t prose() const;
  // The text, in ASCII where the screen has no more. Numbers of columns may change.
  std::string shown(std::string_view text) const;
};

// Whether the locale that LC_ALL, LC_CTYPE or LANG names writes UTF-8. Where none of them is set,
// nobody has chosen: yes.
bool locale_is_utf8();

}  // namespace moesim
