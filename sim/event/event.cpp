#include "sim/event/event.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace moesim {

std::vector<Parameter> with_interval(std::vector<Parameter> parameters) {
  parameters.push_back({.name = "from",
                        .type = ParameterType::kInteger,
                        .doc = "first step with it, as in the results (warm-up steps are below 0); "
                               "default: from the start"});
  parameters.push_back({.name = "until",
                        .type = ParameterType::kInteger,
                        .doc = "first step without it; default: to the end"});
  return parameters;
}

StepRange read_interval(const Arguments& arguments) {
  StepRange range;
  if (arguments.has("from")) range.first = arguments.integer("from");
  if (arguments.has("until")) range.end = arguments.integer("until");
  return range;
}

void check_interval(const Arguments& arguments, Mistakes& mistakes) {
  const StepRange range = read_interval(arguments);
  if (range.first && range.end && *range.end <= *range.first)
    mistakes.add(
        arguments.spot("until"),
        fmt::format("until is {}, but the event begins at step {}", *range.end, *range.first),
        "until is the first step without it");
}

std::vector<int> read_ids(const Arguments& arguments, const std::string& name, int count,
                          const std::string& what, Mistakes& mistakes) {
  std::vector<int> ids;
  if (arguments.numbers(name).empty())
    mistakes.add(arguments.spot(name), fmt::format("{} names no {}", name, what));
  for (const double number : arguments.numbers(name)) {
    const Spot spot = arguments.spot(name);
    if (number < 0 || number != std::floor(number) || number >= count) {
      mistakes.add(spot, fmt::format("there is no {} {}", what, number),
                   fmt::format("they are 0 to {}", count - 1));
      continue;
    }
    const int id = static_cast<int>(number);
    if (std::find(ids.begin(), ids.end(), id) != ids.end())
      mistakes.add(spot, fmt::format("{} {} is there twice", what, id));
    ids.push_back(id);
  }
  return ids;
}

std::string shown_ids(const std::string& one, const std::vector<double>& ids) {
  std::string text = one + (ids.size() == 1 ? " " : "s ");
  constexpr std::size_t kMost = 4;
  if (ids.size() > kMost) return fmt::format("{} {}s", ids.size(), one);
  for (std::size_t i = 0; i < ids.size(); ++i)
    text += fmt::format("{}{}", i == 0 ? "" : i + 1 == ids.size() ? " and " : ", ", ids[i]);
  return text;
}

}  // namespace moesim
