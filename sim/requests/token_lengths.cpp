#include "sim/requests/token_lengths.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace moesim {
namespace {

constexpr double kMostTokens = 1e8;

const std::vector<Parameter>& own_parameters() {
  static const std::vector<Parameter> parameters = {{.name = "mean",
                                                     .type = ParameterType::kNumber,
                                                     .doc = "tokens",
                                                     .minimum = 1,
                                                     .maximum = kMostTokens},
                                                    {.name = "minimum",
                                                     .type = ParameterType::kInteger,
                                                     .doc = "shorter ones are so long",
                                                     .fallback = "1",
                                                     .minimum = 1},
                                                    {.name = "maximum",
                                                     .type = ParameterType::kInteger,
                                                     .doc = "longer ones are so long",
                                                     .minimum = 1,
                                                     .maximum = kMostTokens}};
  return parameters;
}

bool is_own(const std::string& key) {
  return std::any_of(own_parameters().begin(), own_parameters().end(),
                     [&](const Parameter& parameter) { return parameter.name == key; });
}

}  // namespace

TokenLengths::TokenLengths(const YamlNode& section, const std::string& what, Mistakes& mistakes) {
  const YamlNode whole = as_section(section, "mean");  // a number alone: of fixed lengths
  if (!whole.is_map()) {
    mistakes.add(section.spot, fmt::format("{} takes a number of tokens or a section", what),
                 "for example {kind: lognormal, mean: 1000, cv: 1}");
    return;
  }
  YamlNode own = YamlNode::map(whole.spot), rest = own;
  for (const NodeEntry& entry : whole.entries)
    (is_own(entry.key) ? own : rest).entries.push_back(entry);
  if (rest.find("kind") == nullptr) rest.set("kind", YamlNode::scalar("fixed"), whole.spot);
  const Arguments arguments = read_arguments(own, own_parameters(), mistakes, what);
  const Choice choice = read_choice(Lengths::kRole, rest, mistakes);
  if (choice.kind.empty() || !arguments.has("minimum")) return;
  try {
    lengths_ = Registry<Lengths>::make(choice);
  } catch (const InputError& error) {
    mistakes.add(error);
    return;
  }
  if (lengths_->needs_mean() != arguments.has("mean"))
    mistakes.add(
        whole.spot,
        lengths_->needs_mean()
            ? fmt::format("{} needs 'mean'", what)
            : fmt::format("{} has no 'mean': lengths '{}' are what they are", what, choice.kind),
        "in tokens");
  if (arguments.has("mean")) mean_ = arguments.number("mean");
  minimum_ = arguments.integer("minimum");
  maximum_ = arguments.has("maximum") ? arguments.integer("maximum") : kMostTokens;
  if (maximum_ < minimum_)
    mistakes.add(arguments.spot("maximum"), fmt::format("{}: maximum is below minimum", what));
}

int TokenLengths::draw(Rng rng) const {
  return static_cast<int>(std::clamp(std::round(lengths_->draw(mean_, rng)), minimum_, maximum_));
}

}  // namespace moesim
