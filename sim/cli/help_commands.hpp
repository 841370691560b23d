// A command's page of help, from its declared flags.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "sim/cli/help_page.hpp"

namespace moesim {

// What an option is one of: CLI11 shows what it checks, as in "TEXT:{auto,always,never}". None: of
// anything.
std::vector<std::string> choices_of(const CLI::Option& option);

// Of a registered command, its subcommands included.
HelpPage command_page(const std::string& name);

}  // namespace moesim
