// Text for a terminal: labels on the left, lines no wider than the screen and than 100 columns.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "analysis/paint.hpp"
#include "analysis/screen.hpp"

namespace moesim {

// "a · b · c"
std::string joined(const std::vector<std::string>& parts);

class Lines {
 public:
  static constexpr std::size_t kLabel = 14;  // columns of the labels

  explicit Lines(const Screen& screen) : screen_(screen), paint_(screen.colour) {}
  // A label, and text that is broken where the line would be too long.
  void add(std::string_view label, std::string_view text);
  // A line whose columns are set.
  void row(std::string_view label, std::string_view text);
  void plain(std::string_view text, std::string_view indent = {});
  // Lines of the same width.
  void append(std::string_view lines) { out_ += lines; }
  void gap() { out_ += "\n"; }
  const Screen& screen() const { return screen_; }
  const Paint& paint() const { return paint_; }
  const std::string& text() const { return out_; }

 private:
  Screen screen_;
  Paint paint_;
  std::string out_;
};

}  // namespace moesim
