#include "sim/cli/help_commands.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "sim/base/check.hpp"
#include "sim/cli/command.hpp"

namespace moesim {
namespace {

// "DIR", "auto|always|never"
std::string value_of(const CLI::Option& option) {
  const std::vector<std::string> choices = choices_of(option);
  if (!choices.empty()) return fmt::format("{}", fmt::join(choices, "|"));
  const std::string type = option.get_type_name();
  return type.substr(0, type.find(':'));
}

// "-o, --out DIR", "SCENARIO"
std::string term_of(const CLI::Option& option) {
  if (option.get_positional()) return option.get_name(true);
  std::string text;
  for (const std::string& name : option.get_snames()) text += "-" + name + ", ";
  for (const std::string& name : option.get_lnames()) text += "--" + name;
  return option.get_items_expected_max() > 0 ? text + " " + value_of(option) : text;
}

std::string doc_of(const CLI::Option& option) {
  std::string text = option.get_description();
  if (!option.get_default_str().empty())
    text += fmt::format(" (default: {})", option.get_default_str());
  if (option.get_required()) text += " (needed)";
  return text;
}

std::string synopsis(const CLI::App& app, const std::string& name) {
  std::string text = "moesim " + name;
  if (!app.get_subcommands(nullptr).empty()) text += " COMMAND";
  for (const CLI::Option* option : app.get_options())
    if (option->get_positional()) {
      const std::string several = option->get_items_expected_max() > 1 ? "..." : "";
      const std::string word = option->get_name(true) + several;
      text += option->get_required() ? " " + word : " [" + word + "]";
    }
  return text + " [FLAG...]";
}

void add_app(HelpPage& page, const CLI::App& app, const std::string& name) {
  page.code(synopsis(app, name));
  for (const CLI::Option* option : app.get_options())
    if (!option->get_group().empty()) page.item(term_of(*option), doc_of(*option));
  for (const CLI::App* sub : app.get_subcommands(nullptr)) {
    page.heading(name + " " + sub->get_name());
    page.text(sub->get_description());
    add_app(page, *sub, name + " " + sub->get_name());
  }
}

}  // namespace

std::vector<std::string> choices_of(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const std::size_t open = type.find('{'), close = type.find('}');
  if (open == std::string::npos || close == std::string::npos) return {};
  return CLI::detail::split(type.substr(open + 1, close - open - 1), ',');
}

HelpPage command_page(const std::string& name) {
  const auto found = commands().find(name);
  MOESIM_CHECK(found != commands().end(), "topics are made of the commands");
  CLI::App app;
  const auto action = found->second.declare(app);
  HelpPage page{.title = "moesim " + name};
  page.text(found->second.summary);
  add_app(page, app, name);
  return page;
}

}  // namespace moesim
