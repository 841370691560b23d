#include "sim/base/range.hpp"

#include <fmt/format.h>

#include <cmath>

#include "sim/base/text.hpp"

namespace moesim {
namespace {

constexpr int kMostValues = 1000;  // of one range

Spot moved(Spot spot, std::size_t columns) {
  spot.column += static_cast<int>(columns);
  return spot;
}

}  // namespace

std::optional<std::vector<std::string>> range_values(const std::string& text, const Spot& spot) {
  const std::size_t first = text.find(':');
  const std::size_t second = first == std::string::npos ? first : text.find(':', first + 1);
  if (second == std::string::npos) return std::nullopt;
  const bool powers = text.substr(second + 1).starts_with('x');
  const auto low = number_in(text.substr(0, first));
  const auto high = number_in(text.substr(first + 1, second - first - 1));
  const auto step = number_in(text.substr(second + (powers ? 2 : 1)));
  if (!low || !high || !step) return std::nullopt;
  if (*high < *low)
    throw InputError(moved(spot, first + 1), "the range ends below its start", "LO:HI:STEP");
  if (powers ? *step <= 1 || *low <= 0 : *step <= 0)
    throw InputError(moved(spot, second + 1), "the range never comes to its end",
                     powers ? "a start above 0 and a factor above 1, as in 1:64:x2"
                            : "a step above 0, as in 0:64:16");
  std::vector<std::string> values;
  for (int i = 0;; ++i) {
    const double value = powers ? *low * std::pow(*step, i) : *low + i * *step;
    if (value > *high * (1 + 1e-12)) break;  // 0.1 + 2 · 0.1 is above 0.3 by rounding
    if (i == kMostValues)
      throw InputError(spot, fmt::format("the range has more than {} values", kMostValues),
                       "a larger step");
    values.push_back(fmt::format("{:.12g}", value));
  }
  return values;
}

}  // namespace moesim
