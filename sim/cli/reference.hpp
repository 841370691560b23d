// The reference of all scenario keys as Markdown tables, made from their declarations.
#pragma once

#include <string>

namespace moesim {

// Sections of a scenario, then every plug-in of every role. `scenarios/README.md` holds this text
// between two marker lines; a test compares them.
std::string reference_markdown();

// The part of a role.
std::string role_markdown(const std::string& role);

}  // namespace moesim
