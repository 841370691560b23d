// A plug-in as a scenario would make it.
#pragma once

#include <memory>
#include <string>

#include "sim/base/registry.hpp"

namespace moesim {

// `section` is YAML, such as "{kind: eplb, redundant: 32}". Throws InputError as a scenario does.
template <class Interface>
std::unique_ptr<Interface> plugin(const std::string& section) {
  Mistakes mistakes;
  const YamlNode root = parse_yaml(text_source("test", "section: " + section));
  const Choice choice = read_choice(Interface::kRole, root.entries.front().value, mistakes);
  mistakes.throw_if_any();
  return Registry<Interface>::make(choice);
}

}  // namespace moesim
