// A command's page of help, from its declared flags.
#pragma once

#include <string>

#include "sim/cli/help_page.hpp"

namespace moesim {

// Of a registered command, its subcommands included.
HelpPage command_page(const std::string& name);

}  // namespace moesim
