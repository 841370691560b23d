// Setting a key of a tree that another tree was read with.
#pragma once

#include "sim/base/yaml.hpp"

namespace moesim {

// apply_override() of each assignment; those that cannot be applied are mistakes.
void apply_overrides(YamlNode& root, const std::vector<std::string>& assignments,
                     Mistakes& mistakes);

// As apply_override() of an assignment, for a key "a.b" that is written at `path_spot` and a value
// that was read.
void apply_override(YamlNode& root, const std::string& path, const Spot& path_spot, YamlNode value);

}  // namespace moesim
