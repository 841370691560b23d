// What `moesim help` knows: commands, kinds of plug-ins, plug-ins, keys of a scenario, metrics,
// files, exit codes. All but a few words come from the declarations.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "sim/cli/help_page.hpp"

namespace moesim {

struct HelpTopic {
  std::string group;  // "commands", "kinds of plug-ins", …
  std::string name;
  std::string summary;
  std::function<HelpPage()> page;
};

// Group by group.
const std::vector<HelpTopic>& help_topics();

// By its name, or a plug-in's or a metric's alone where no other topic has it. Throws InputError
// with the nearest name.
const HelpTopic& find_help_topic(const std::string& name);

// The whole as the sections of a man page.
std::vector<HelpPage> manual();

// Pages with few declarations behind them: see help_texts.cpp.
HelpPage files_page();
HelpPage exit_codes_page();
HelpPage environment_page();
HelpPage settings_page();

}  // namespace moesim
