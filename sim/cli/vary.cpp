#include "sim/cli/vary.hpp"

#include "sim/base/range.hpp"
#include "sim/base/yaml.hpp"

namespace moesim {
namespace {

struct Text {
  std::string all;
  Spot spot(std::size_t at) const {
    return {text_source("--vary", all, true), 1, static_cast<int>(at) + 1};
  }
  [[noreturn]] void refuse(std::size_t at, const std::string& why, const std::string& hint) const {
    throw InputError(spot(at), why, hint);
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

}  // namespace

Vary parse_vary(const std::string& text) {
  const Text source{text};
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0)
    source.refuse(0, "--vary needs KEY=VALUES", "for example --vary placement=linear,lpt,eplb");
  Vary vary{.key = text.substr(0, equals)};
  if (auto range = range_values(text.substr(equals + 1), source.spot(equals + 1))) {
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
