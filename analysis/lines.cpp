#include "analysis/lines.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "analysis/format.hpp"

namespace moesim {

std::string joined(const std::vector<std::string>& parts) {
  return fmt::format("{}", fmt::join(parts, " · "));
}

void Lines::add(std::string_view label, std::string_view text) {
  const std::size_t width = screen_.prose() - kLabel;
  std::string lines = wrap(screen_.shown(text), width, "");
  for (std::size_t at = 0; (at = lines.find('\n', at)) != std::string::npos; at += kLabel)
    lines.insert(++at, std::string(kLabel, ' '));
  row(label, lines);
}

void Lines::row(std::string_view label, std::string_view text) {
  out_ += paint_(Ink::kDim, pad_right(label, kLabel)) + screen_.shown(text) + "\n";
}

void Lines::plain(std::string_view text, std::string_view indent) {
  out_ += wrap(screen_.shown(text), screen_.prose(), indent) + "\n";
}

}  // namespace moesim
