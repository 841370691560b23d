#include "analysis/format.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

namespace moesim {
namespace {

struct Prefix {
  double factor;
  const char* name;
};

// The value as three significant digits, rounded: what is compared with the next prefix, so that
// 999.6 kB becomes "1.00 MB" and not "1000 kB".
double rounded(double value) {
  if (value == 0) return 0;
  const double step = std::pow(10.0, std::floor(std::log10(std::fabs(value))) - 2);
  return std::round(value / step) * step;
}

// `prefixes` ascending; a value below the first keeps the first.
std::string with_prefix(double value, std::span<const Prefix> prefixes, std::string_view unit) {
  if (!std::isfinite(value)) return "–";
  const Prefix* chosen = &prefixes.front();
  for (const Prefix& prefix : prefixes)
    if (rounded(std::fabs(value)) >= prefix.factor * (1 - 1e-9)) chosen = &prefix;
  std::string text = format_number(value / chosen->factor);
  const std::string suffix = chosen->name + std::string(unit);
  return suffix.empty() ? text : text + " " + suffix;
}

constexpr std::array<Prefix, 5> kDecimal = {
    {{1, ""}, {1e3, "k"}, {1e6, "M"}, {1e9, "G"}, {1e12, "T"}}};
constexpr std::array<Prefix, 4> kTime = {{{1e-9, "n"}, {1e-6, "µ"}, {1e-3, "m"}, {1, ""}}};

}  // namespace

std::string format_number(double value) {
  if (!std::isfinite(value)) return "–";
  if (value == 0) return "0";
  const double magnitude = std::floor(std::log10(std::fabs(rounded(value))) + 1e-12);
  return fmt::format("{:.{}f}", value, std::max(0, 2 - static_cast<int>(magnitude)));
}

std::string format_count(double value, std::string_view unit) {
  if (std::isfinite(value) && std::fabs(value) < 1000 && value == std::floor(value))
    return unit.empty() ? fmt::format("{:.0f}", value) : fmt::format("{:.0f} {}", value, unit);
  const std::string text = with_prefix(value, kDecimal, "");
  return unit.empty() ? text : fmt::format("{} {}", text, unit);
}

std::string count_text(std::int64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::string format_time(Seconds time) {
  return time.value == 0 ? "0 s" : with_prefix(time.value, kTime, "s");
}

std::string format_bytes(Bytes size) { return with_prefix(size.value, kDecimal, "B"); }

std::string format_rate(BytesPerSecond rate) { return with_prefix(rate.value, kDecimal, "B/s"); }

std::string format_percent(double ratio) {
  return std::isfinite(ratio) ? format_number(ratio * 100) + " %" : "–";
}

std::string format_error(double ratio) {
  const std::string text = fmt::format("{:+.2f} %", 100 * ratio);
  return text == "-0.00 %" || text == "+0.00 %" ? "0.00 %" : text;
}

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  bool escape = false;
  for (const char c : text) {
    if (escape) {
      escape = c != 'm';
    } else if (c == '\x1b') {
      escape = true;
    } else {
      width += (static_cast<unsigned char>(c) & 0xC0) != 0x80 ? 1 : 0;
    }
  }
  return width;
}

std::string pad_right(std::string_view text, std::size_t width) {
  const std::size_t used = display_width(text);
  return std::string(text) + std::string(width > used ? width - used : 0, ' ');
}

std::string pad_left(std::string_view text, std::size_t width) {
  const std::size_t used = display_width(text);
  return std::string(width > used ? width - used : 0, ' ') + std::string(text);
}

std::string wrap(std::string_view text, std::size_t width, std::string_view indent) {
  std::string out, line;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t stop = std::min(text.find(' ', at), text.size());
    const std::string_view word = text.substr(at, stop - at);
    at = stop + 1;
    if (word.empty()) continue;
    if (!line.empty() && display_width(line) + 1 + display_width(word) > width) {
      out += line + "\n";
      line = std::string(indent);
    } else if (!line.empty()) {
      line += ' ';
    }
    line += word;
  }
  return out + line;
}

}  // namespace moesim
