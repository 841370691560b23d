#include "analysis/paint.hpp"

#include <array>
#include <cmath>

namespace moesim {

std::string Paint::operator()(Ink ink, std::string_view text) const {
  if (!colour_ || text.empty()) return std::string(text);
  static constexpr std::array<const char*, 5> kCodes = {"1", "2", "34", "36", "33"};
  return "\x1b[" + std::string(kCodes[static_cast<std::size_t>(ink)]) + "m" + std::string(text) +
         "\x1b[0m";
}

std::string bar(double filled) {
  static constexpr std::array<const char*, 8> kParts = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const auto eighths = static_cast<std::size_t>(std::lround(filled * 8));
  std::string text;
  for (std::size_t i = 0; i < eighths / 8; ++i) text += "█";
  return text + kParts[eighths % 8];
}

}  // namespace moesim
