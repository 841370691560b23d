// JSON as moesim writes it: keys in a fixed order, SI numbers, nothing that JSON cannot say.
#pragma once

#include <nlohmann/json.hpp>

#include "sim/base/yaml.hpp"

namespace moesim {

using Json = nlohmann::ordered_json;

// The number, or null where it is undefined (not a number, infinite).
Json number_or_null(double value);

// A YAML tree: plain scalars that read as numbers or flags become such, the others stay text.
Json to_json(const YamlNode& node);

// The document as moesim writes it to a file or to stdout: indented, one line end at its end.
std::string write_json(const Json& document);

}  // namespace moesim
