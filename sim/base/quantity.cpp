// Numbers and quantities with units, as a scenario writes them.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>

#include "sim/base/parameter.hpp"

namespace moesim {
namespace {

using UnitTable = std::map<std::string, double, std::less<>>;

const UnitTable& units_of(ParameterType type) {
  // Both characters that look like a micro are taken.
  static const UnitTable time = {{"s", 1},          {"ms", 1e-3},      {"us", 1e-6},
                                 {"\u00b5s", 1e-6}, {"\u03bcs", 1e-6}, {"ns", 1e-9},
                                 {"ps", 1e-12},     {"min", 60},       {"h", 3600}};
  static const UnitTable size = {{"B", 1},
                                 {"kB", 1e3},
                                 {"KB", 1e3},
                                 {"MB", 1e6},
                                 {"GB", 1e9},
                                 {"TB", 1e12},
                                 {"KiB", 1024.},
                                 {"MiB", 1048576.},
                                 {"GiB", 1073741824.},
                                 {"TiB", 1099511627776.}};
  static const UnitTable rate = {
      {"B/s", 1},        {"kB/s", 1e3},       {"MB/s", 1e6},          {"GB/s", 1e9},
      {"TB/s", 1e12},    {"MiB/s", 1048576.}, {"GiB/s", 1073741824.}, {"Mb/s", 1e6 / 8},
      {"Gb/s", 1e9 / 8}, {"Tb/s", 1e12 / 8}};
  static const UnitTable speed = {
      {"FLOP/s", 1}, {"GFLOP/s", 1e9}, {"TFLOP/s", 1e12}, {"PFLOP/s", 1e15}};
  switch (type) {
    case ParameterType::kTime:
      return time;
    case ParameterType::kSize:
      return size;
    case ParameterType::kRate:
      return rate;
    default:
      return speed;
  }
}

const char* example_of(ParameterType type) {
  switch (type) {
    case ParameterType::kTime:
      return "2 us";
    case ParameterType::kSize:
      return "141 GB";
    case ParameterType::kRate:
      return "450 GB/s or 400 Gb/s";
    default:
      return "989 TFLOP/s";
  }
}

// The longest number at the front; its length goes to `used`. Decimal only: no hex, no octal, no
// inf.
std::optional<double> leading_number(const std::string& text, std::size_t& used) {
  double value = 0;
  const char* begin = text.data();
  const char* end = begin + text.size();
  if (begin != end && *begin == '+') {
    ++begin;
    if (begin != end && *begin == '-') return std::nullopt;
  }
  const auto [stop, error] = std::from_chars(begin, end, value);
  if (error != std::errc() || !std::isfinite(value)) return std::nullopt;
  used = static_cast<std::size_t>(stop - text.data());
  return value;
}

std::string without_blanks(const std::string& text) {
  return text.substr(std::min(text.find_first_not_of(' '), text.size()));
}

// YAML 1.1 took 010 for eight.
bool has_leading_zero(const std::string& text) {
  const std::size_t at = text.find_first_of("0123456789");
  return at != std::string::npos && text[at] == '0' && at + 1 < text.size() &&
         text[at + 1] >= '0' && text[at + 1] <= '9' && (at == 0 || text[at - 1] != '.');
}

void check_leading_zero(const std::string& text, const Spot& spot) {
  if (has_leading_zero(text))
    throw InputError(spot, fmt::format("'{}' has a leading zero", text),
                     "numbers are decimal: leave the zero out");
}

}  // namespace

double parse_number(const std::string& text, const Spot& spot) {
  std::size_t used = 0;
  const std::optional<double> value = leading_number(text, used);
  if (!value || used != text.size()) {
    const std::string rest = value ? without_blanks(text.substr(used)) : "";
    throw InputError(spot, fmt::format("'{}' is not a number", text),
                     value ? fmt::format("this number takes no unit (here: '{}')", rest) : "");
  }
  check_leading_zero(text, spot);
  return *value;
}

double parse_quantity(const std::string& text, ParameterType type, const Spot& spot) {
  std::size_t used = 0;
  const std::optional<double> value = leading_number(text, used);
  if (!value)
    throw InputError(spot, fmt::format("'{}' is not a number with a unit", text),
                     fmt::format("write for example {}", example_of(type)));
  check_leading_zero(text, spot);
  const std::string unit = without_blanks(text.substr(used));
  const UnitTable& units = units_of(type);
  if (unit.empty())
    throw InputError(spot, fmt::format("'{}' has no unit", text),
                     fmt::format("write for example {}", example_of(type)));
  const auto known = units.find(unit);
  if (known == units.end()) {
    std::vector<std::string> names;
    for (const auto& [name, factor] : units) names.push_back(name);
    throw InputError(spot, fmt::format("'{}' is not a unit of {}", unit, type_name(type)),
                     hint_for(unit, names));
  }
  return *value * known->second;
}

std::string type_name(ParameterType type) {
  switch (type) {
    case ParameterType::kInteger:
      return "integer";
    case ParameterType::kNumber:
      return "number";
    case ParameterType::kFlag:
      return "flag";
    case ParameterType::kText:
      return "text";
    case ParameterType::kChoice:
      return "choice";
    case ParameterType::kPath:
      return "path";
    case ParameterType::kTime:
      return "time";
    case ParameterType::kSize:
      return "size";
    case ParameterType::kRate:
      return "rate";
    case ParameterType::kSpeed:
      return "speed";
    case ParameterType::kNumbers:
      return "list of numbers";
    case ParameterType::kTexts:
      return "list of texts";
    case ParameterType::kTree:
      return "section";
  }
  return "";
}

}  // namespace moesim
