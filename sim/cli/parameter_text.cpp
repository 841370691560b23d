#include "sim/cli/parameter_text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>

namespace moesim {

std::string range_of(const Parameter& parameter) {
  if (!parameter.choices.empty()) return fmt::format("{}", fmt::join(parameter.choices, " | "));
  std::string text;
  if (std::isfinite(parameter.minimum))
    text = fmt::format("{} {:g}", parameter.above_minimum ? ">" : "≥", parameter.minimum);
  if (std::isfinite(parameter.maximum))
    text += fmt::format("{}≤ {:g}", text.empty() ? "" : ", ", parameter.maximum);
  return text;
}

std::string default_of(const Parameter& parameter) {
  if (parameter.fallback) return *parameter.fallback;
  return parameter.required ? "(needed)" : "–";
}

TextTable parameters_table(const std::vector<Parameter>& parameters, const std::string& indent) {
  TextTable table(
      {{indent + "parameter"}, {"type", false, 1}, {"default"}, {"range", false, 2}, {""}});
  for (const Parameter& parameter : parameters)
    table.add({indent + parameter.name, type_name(parameter.type), default_of(parameter),
               range_of(parameter), parameter.doc});
  return table;
}

}  // namespace moesim
