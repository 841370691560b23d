#include "sim/cli/vary.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <optional>

#include "sim/base/yaml.hpp"

namespace moesim {
namespace {

constexpr int kMostValues = 1000;  // of one --vary

struct Text {
  std::string all;
  [[noreturn]] void refuse(std::size_t at, const std::string& why, const std::string& hint) const {
    throw InputError({text_source("--vary", all, true), 1, static_cast<int>(at) + 1}, why, hint);
  }
};

// The parts between separators outside brackets, and where they start.
std::vector<std::pair<std::size_t, std::string>> split(const std::string& text, std::size_t from,
                                                       char separator) {
  std::vector<std::pair<std::size_t, std::string>> parts{{from, ""}};
  int depth = 0;
  for (std::size_t at = from; at < text.size(); ++at) {
    const char c = text[at];
    depth += c == '{' || c == '[' ? 1 : c == '}' || c == ']' ? -1 : 0;
    if (c == separator && depth == 0)
      parts.emplace_back(at + 1, "");
    else
      parts.back().second += c;
  }
  return parts;
}

std::optional<double> number_in(const std::string& text) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, value);
  if (text.empty() || read.ec != std::errc() || read.ptr != end || !std::isfinite(value))
    return std::nullopt;
  return value;
}

// LO:HI:STEP or LO:HI:xK; nothing where the text is no range.
std::optional<std::vector<std::string>> range_in(const Text& text, std::size_t from) {
  const auto parts = split(text.all, from, ':');
  if (parts.size() != 3) return std::nullopt;
  const bool powers = parts[2].second.starts_with('x');
  const auto low = number_in(parts[0].second), high = number_in(parts[1].second);
  const auto step = number_in(parts[2].second.substr(powers ? 1 : 0));
  if (!low || !high || !step) return std::nullopt;
  if (*high < *low) text.refuse(parts[1].first, "the range ends below its start", "LO:HI:STEP");
  if (powers ? *step <= 1 || *low <= 0 : *step <= 0)
    text.refuse(parts[2].first, "the range never comes to its end",
                powers ? "a start above 0 and a factor above 1, as in 1:64:x2"
                       : "a step above 0, as in 0:64:16");
  std::vector<std::string> values;
  for (int i = 0;; ++i) {
    const double value = powers ? *low * std::pow(*step, i) : *low + i * *step;
    if (value > *high * (1 + 1e-12)) break;  // 0.1 + 2 · 0.1 is above 0.3 by rounding
    if (i == kMostValues)
      text.refuse(from, fmt::format("the range has more than {} values", kMostValues),
                  "a larger step");
    values.push_back(fmt::format("{:.12g}", value));
  }
  return values;
}

}  // namespace

Vary parse_vary(const std::string& text) {
  const Text source{text};
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0)
    source.refuse(0, "--vary needs KEY=VALUES", "for example --vary placement=linear,lpt,eplb");
  Vary vary{.key = text.substr(0, equals)};
  if (auto range = range_in(source, equals + 1)) {
    vary.values = std::move(*range);
    return vary;
  }
  for (auto& [at, value] : split(text, equals + 1, ',')) {
    if (value.find_first_not_of(' ') == std::string::npos)
      source.refuse(at, "there is a value missing", "values with one comma between them");
    vary.values.push_back(value.substr(value.find_first_not_of(' ')));
  }
  return vary;
}

std::vector<std::vector<std::string>> combinations(const std::vector<Vary>& varied) {
  std::vector<std::vector<std::string>> all{{}};
  for (const Vary& vary : varied) {
    std::vector<std::vector<std::string>> longer;
    for (const auto& before : all)
      for (const std::string& value : vary.values) {
        longer.push_back(before);
        longer.back().push_back(vary.key + "=" + value);
      }
    all = std::move(longer);
  }
  return all;
}

}  // namespace moesim
