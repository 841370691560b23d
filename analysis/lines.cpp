#include "analysis/lines.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "analysis/format.hpp"

namespace moesim {

std::string joined(const std::vector<std::string>& parts) {
  return fmt::format("{}", fmt::join(parts, " · "));
}

void Lines::add(std::string_view label, std::string_view text) {
  row(label, wrap(text, kWidth - kLabel, std::string(kLabel, ' ')));
}

void Lines::row(std::string_view label, std::string_view text) {
  out_ += paint_(Ink::kDim, pad_right(label, kLabel)) + std::string(text) + "\n";
}

void Lines::plain(std::string_view text, std::string_view indent) {
  out_ += wrap(text, kWidth, indent) + "\n";
}

}  // namespace moesim
