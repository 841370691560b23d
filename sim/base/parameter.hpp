// Declared parameters: what a section of a scenario, or a plug-in, may be told.
//
// A parameter is declared once, beside the code that uses it (name, type, default, range, one line
// of text). The reader, `moesim list`, the documentation test and shell completion all use the
// declaration.
#pragma once

#include <filesystem>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sim/base/units.hpp"
#include "sim/base/yaml.hpp"

namespace moesim {

enum class ParameterType {
  kInteger,
  kNumber,  // a ratio or an expected count
  kFlag,    // true or false
  kText,
  kChoice,   // one of `choices`
  kPath,     // relative to the file it is written in
  kTime,     // "2 us"
  kSize,     // "141 GB"
  kRate,     // "400 Gb/s", "450 GB/s"
  kSpeed,    // "989 TFLOP/s"
  kNumbers,  // a list
  kTexts,    // one text, or a list
  kTree,     // read by its owner
};

struct Parameter {
  std::string name;
  ParameterType type = ParameterType::kText;
  std::string doc;                           // one line
  std::optional<std::string> fallback = {};  // the default, as it would be written in YAML
  bool required = false;                     // neither required nor a fallback: may be absent
  double minimum = -std::numeric_limits<double>::infinity();  // allowed itself, in SI units
  double maximum = std::numeric_limits<double>::infinity();
  bool above_minimum = false;  // the minimum itself is not allowed
  std::vector<std::string> choices = {};
};

// The values of one section, by name. Asking for a parameter that was not declared, or one that is
// absent, is a bug.
class Arguments {
 public:
  int integer(const std::string& name) const;
  double number(const std::string& name) const;
  bool flag(const std::string& name) const;
  const std::string& text(const std::string& name) const;
  Seconds time(const std::string& name) const { return Seconds(number(name)); }
  Bytes size(const std::string& name) const { return Bytes(number(name)); }
  BytesPerSecond rate(const std::string& name) const { return BytesPerSecond(number(name)); }
  FlopsPerSecond speed(const std::string& name) const { return FlopsPerSecond(number(name)); }
  const std::vector<double>& numbers(const std::string& name) const;
  const std::vector<std::string>& texts(const std::string& name) const;
  const YamlNode& tree(const std::string& name) const;
  // The file: as written if absolute, beside the file it is written in, or below the presets folder
  // "traces" etc. Throws InputError with the places that were tried.
  std::filesystem::path existing_file(const std::string& name) const;

  bool has(const std::string& name) const;    // a value, given or by default
  bool given(const std::string& name) const;  // written by the user
  Spot spot(const std::string& name) const;   // of the value; of the section for a default
  Spot section() const { return section_; }

 private:
  friend Arguments read_arguments(const YamlNode&, const std::vector<Parameter>&, Mistakes&,
                                  const std::string&, const std::vector<std::string>&);
  struct Value {
    YamlNode node;
    double number = 0;
    std::vector<double> numbers;
    std::vector<std::string> texts;
    bool given = false;
  };
  const Value& value(const std::string& name) const;
  static void read(const Parameter& parameter, Value& value);
  std::map<std::string, Value> values_;
  Spot section_;
};

// Reads a map against its declaration: unknown keys, wrong types, values out of range and missing
// required ones go to `mistakes`. `what` names the section in messages ("placement 'eplb'").
// `passed_over` are keys that somebody else reads (such as "kind").
Arguments read_arguments(const YamlNode& section, const std::vector<Parameter>& parameters,
                         Mistakes& mistakes, const std::string& what,
                         const std::vector<std::string>& passed_over = {});

// The section with every parameter written out, defaults too, in the order of declaration.
YamlNode resolved_section(const Arguments& arguments, const std::vector<Parameter>& parameters);
// The entries of a section that was completed by hand, sorted likewise.
YamlNode in_declared_order(YamlNode section, const std::vector<Parameter>& parameters);

// "450 GB/s" → 4.5e11. Throws InputError at `spot`.
double parse_quantity(const std::string& text, ParameterType type, const Spot& spot);
double parse_number(const std::string& text, const Spot& spot);

// "integer", "time, as 2 us", …: for messages and lists.
std::string type_name(ParameterType type);

}  // namespace moesim
