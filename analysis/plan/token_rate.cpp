#include "analysis/plan/token_rate.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <map>

namespace moesim {
namespace {

[[noreturn]] void refuse(const std::string& text, const std::string& what, const Spot& spot) {
  throw InputError(spot, fmt::format("'{}' is no rate of {}", text, what),
                   fmt::format("as 1 M {}/min, 500 {}/s, 2e9 {}/day", what, what, what));
}

}  // namespace

double parse_count_rate(const std::string& text, const std::string& what, const Spot& spot) {
  static const std::map<std::string, double> prefixes = {
      {"", 1}, {"k", 1e3}, {"M", 1e6}, {"G", 1e9}};
  static const std::map<std::string, double> periods = {
      {"s", 1}, {"min", 60}, {"h", 3600}, {"day", 86400}};
  double value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string unit(stop, text.data() + text.size());
  const std::size_t word = unit.find(what);
  if (error != std::errc() || !std::isfinite(value) || word == std::string::npos)
    refuse(text, what, spot);
  std::string prefix = unit.substr(0, word);
  std::erase(prefix, ' ');
  const std::string period = unit.substr(word + what.size());
  if (!prefixes.contains(prefix) || !period.starts_with('/') || !periods.contains(period.substr(1)))
    refuse(text, what, spot);
  if (!(value > 0)) throw InputError(spot, fmt::format("the rate of {} must be above 0", what));
  return value * prefixes.at(prefix) / periods.at(period.substr(1));
}

}  // namespace moesim
