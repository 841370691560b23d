// What reading the sections of a scenario has in common.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "sim/base/registry.hpp"

namespace moesim {

// The declared parameters of a section; "" is the top level.
const std::vector<Parameter>& section_parameters(const std::string& name);

// The entry of that name; an empty map at the place of `root` where it is not written.
YamlNode section_node(const YamlNode& root, const std::string& name);

// The place of the argument's value in `names`, as an enumerator.
template <class Enum>
Enum choice_of(const Arguments& arguments, const std::string& name,
               const std::vector<std::string>& names) {
  const auto found = std::find(names.begin(), names.end(), arguments.text(name));
  return static_cast<Enum>(found == names.end() ? 0 : found - names.begin());
}

// Reads a list of `{kind: NAME, …}` of a role; `section` is its name in the scenario. Those that
// have no known kind are left out.
std::vector<Choice> read_choices(const std::string& role, const std::string& section,
                                 const YamlNode& list, Mistakes& mistakes);

// For the provenance: the files that the keys `file` of a resolved section and those in it name, in
// a preset folder or elsewhere. Throws InputError where one is not there.
void note_nested_files(YamlNode& section, const std::string& folder,
                       std::vector<std::string>& inputs);

// Sets a value that was worked out, where its declaration stands: so that a resolved section stays
// the same when it is read again.
void set_first(YamlNode& section, const std::string& key, const std::string& text);

}  // namespace moesim
