#include "sim/base/parameter.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "sim/base/check.hpp"
#include "sim/base/presets.hpp"

namespace moesim {
namespace {

constexpr double kLargestInteger = 2147483647;

bool is_quantity(ParameterType type) {
  return type == ParameterType::kTime || type == ParameterType::kSize ||
         type == ParameterType::kRate || type == ParameterType::kSpeed;
}

void check_range(const Parameter& parameter, double value, const Spot& spot) {
  const bool low = parameter.above_minimum ? value <= parameter.minimum : value < parameter.minimum;
  if (low)
    throw InputError(
        spot, fmt::format("{} must be {} {:g}", parameter.name,
                          parameter.above_minimum ? "above" : "at least", parameter.minimum));
  if (value > parameter.maximum)
    throw InputError(spot,
                     fmt::format("{} must be at most {:g}", parameter.name, parameter.maximum));
}

const YamlNode& need_scalar(const Parameter& parameter, const YamlNode& node) {
  if (node.is_scalar()) return node;
  throw InputError(node.spot, node.kind == YamlNode::Kind::kNull
                                  ? fmt::format("{} has no value", parameter.name)
                                  : fmt::format("{} takes one value ({})", parameter.name,
                                                type_name(parameter.type)));
}

double read_number(const Parameter& parameter, const YamlNode& node) {
  const std::string& text = need_scalar(parameter, node).text;
  if (node.quoted && !is_quantity(parameter.type))
    throw InputError(node.spot,
                     fmt::format("{} is a number: leave the quotes out", parameter.name));
  const double value = is_quantity(parameter.type) ? parse_quantity(text, parameter.type, node.spot)
                                                   : parse_number(text, node.spot);
  if (parameter.type == ParameterType::kInteger && value != std::floor(value))
    throw InputError(node.spot, fmt::format("{} must be a whole number", parameter.name));
  if (parameter.type == ParameterType::kInteger && std::fabs(value) > kLargestInteger)
    throw InputError(node.spot,
                     fmt::format("{} must be a whole number below 2147483648", parameter.name));
  check_range(parameter, value, node.spot);
  return value;
}

double read_flag(const Parameter& parameter, const YamlNode& node) {
  const std::string& text = need_scalar(parameter, node).text;
  if (text != "true" && text != "false")
    throw InputError(node.spot, fmt::format("{} must be true or false", parameter.name));
  return text == "true" ? 1 : 0;
}

void check_choice(const Parameter& parameter, const YamlNode& node) {
  const std::string& text = need_scalar(parameter, node).text;
  const auto& choices = parameter.choices;
  if (std::find(choices.begin(), choices.end(), text) == choices.end())
    throw InputError(node.spot, fmt::format("{} cannot be '{}'", parameter.name, text),
                     hint_for(text, choices));
}

// A list, or one value in place of a list of one.
std::vector<YamlNode> items_of(const Parameter& parameter, const YamlNode& node) {
  if (node.is_list()) return node.items;
  return {need_scalar(parameter, node)};
}

std::vector<double> read_numbers(const Parameter& parameter, const YamlNode& node) {
  std::vector<double> numbers;
  for (const YamlNode& item : items_of(parameter, node)) {
    numbers.push_back(parse_number(need_scalar(parameter, item).text, item.spot));
    check_range(parameter, numbers.back(), item.spot);
  }
  return numbers;
}

std::vector<std::string> read_texts(const Parameter& parameter, const YamlNode& node) {
  std::vector<std::string> texts;
  for (const YamlNode& item : items_of(parameter, node))
    texts.push_back(need_scalar(parameter, item).text);
  return texts;
}

std::vector<std::string> names_of(const std::vector<Parameter>& parameters) {
  std::vector<std::string> names;
  for (const Parameter& parameter : parameters) names.push_back(parameter.name);
  return names;
}

// The default, as if it were written where the section is.
YamlNode default_of(const Parameter& parameter, const Spot& spot) {
  YamlNode node =
      parse_yaml_value(text_source("default of " + parameter.name, *parameter.fallback), 0);
  node.spot = spot;
  return node;
}

void report_unknown_keys(const YamlNode& section, const std::vector<std::string>& known,
                         const std::vector<std::string>& passed_over, const std::string& what,
                         Mistakes& mistakes) {
  for (const NodeEntry& entry : section.entries) {
    if (std::find(known.begin(), known.end(), entry.key) != known.end()) continue;
    if (std::find(passed_over.begin(), passed_over.end(), entry.key) != passed_over.end()) continue;
    mistakes.add(entry.spot, fmt::format("{} has no key '{}'", what, entry.key),
                 known.empty() ? "it takes no keys" : hint_for(entry.key, known));
  }
}

}  // namespace

const Arguments::Value& Arguments::value(const std::string& name) const {
  const auto found = values_.find(name);
  MOESIM_CHECK(found != values_.end(), fmt::format("parameter '{}' is declared and set", name));
  return found->second;
}

int Arguments::integer(const std::string& name) const {
  return static_cast<int>(value(name).number);
}
double Arguments::number(const std::string& name) const { return value(name).number; }
bool Arguments::flag(const std::string& name) const { return value(name).number != 0; }
const std::string& Arguments::text(const std::string& name) const { return value(name).node.text; }
const std::vector<double>& Arguments::numbers(const std::string& name) const {
  return value(name).numbers;
}
const std::vector<std::string>& Arguments::texts(const std::string& name) const {
  return value(name).texts;
}
const YamlNode& Arguments::tree(const std::string& name) const { return value(name).node; }
bool Arguments::has(const std::string& name) const { return values_.contains(name); }
bool Arguments::given(const std::string& name) const { return has(name) && value(name).given; }
Spot Arguments::spot(const std::string& name) const {
  return given(name) ? value(name).node.spot : section_;
}

std::filesystem::path Arguments::existing_file(const std::string& name) const {
  return find_file(text(name), spot(name), "traces");
}

void Arguments::read(const Parameter& parameter, Value& value) {
  switch (parameter.type) {
    case ParameterType::kFlag:
      value.number = read_flag(parameter, value.node);
      break;
    case ParameterType::kText:
    case ParameterType::kPath:
      need_scalar(parameter, value.node);
      break;
    case ParameterType::kChoice:
      check_choice(parameter, value.node);
      break;
    case ParameterType::kNumbers:
      value.numbers = read_numbers(parameter, value.node);
      break;
    case ParameterType::kTexts:
      value.texts = read_texts(parameter, value.node);
      break;
    case ParameterType::kTree:
      break;
    default:
      value.number = read_number(parameter, value.node);
  }
}

Arguments read_arguments(const YamlNode& section, const std::vector<Parameter>& parameters,
                         Mistakes& mistakes, const std::string& what,
                         const std::vector<std::string>& passed_over) {
  Arguments arguments;
  arguments.section_ = section.spot;
  if (!section.is_map() && section.kind != YamlNode::Kind::kNull) {
    const bool no_blank = section.is_scalar() && section.text.find(':') != std::string::npos;
    mistakes.add(section.spot, fmt::format("{} must be a section of keys and values", what),
                 no_blank ? "a blank must follow the colon" : "");
    return arguments;
  }
  report_unknown_keys(section, names_of(parameters), passed_over, what, mistakes);
  for (const Parameter& parameter : parameters) {
    const YamlNode* node = section.find(parameter.name);
    if (node == nullptr && !parameter.fallback) {
      if (parameter.required)
        mistakes.add(section.spot, fmt::format("{} needs '{}'", what, parameter.name),
                     parameter.doc);
      continue;
    }
    Arguments::Value& value = arguments.values_[parameter.name];
    value.given = node != nullptr;
    value.node = node != nullptr ? *node : default_of(parameter, section.spot);
    try {
      Arguments::read(parameter, value);
    } catch (const InputError& error) {
      mistakes.add(error);
      // A stand-in, so that the rest of the file can be checked; the collected mistakes are thrown.
      value = {};
    }
  }
  return arguments;
}

YamlNode resolved_section(const Arguments& arguments, const std::vector<Parameter>& parameters) {
  YamlNode section = YamlNode::map();
  for (const Parameter& parameter : parameters)
    if (arguments.has(parameter.name)) section.set(parameter.name, arguments.tree(parameter.name));
  return section;
}

YamlNode in_declared_order(YamlNode section, const std::vector<Parameter>& parameters) {
  const std::vector<std::string> names = names_of(parameters);
  const auto rank = [&](const NodeEntry& entry) {
    return std::find(names.begin(), names.end(), entry.key) - names.begin();
  };
  std::stable_sort(section.entries.begin(), section.entries.end(),
                   [&](const NodeEntry& a, const NodeEntry& b) { return rank(a) < rank(b); });
  return section;
}

}  // namespace moesim
