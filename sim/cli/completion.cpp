// `moesim completion bash|zsh`: a script for the shell, made from the declared flags of every
// command and the declared parameters of every plug-in, so that it cannot fall behind them.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>

#include "sim/base/presets.hpp"
#include "sim/base/registry.hpp"
#include "sim/cli/command.hpp"
#include "sim/event/event.hpp"
#include "sim/model/model_reader.hpp"
#include "sim/read_scenario.hpp"
#include "sim/topology/cluster_reader.hpp"

namespace moesim {
namespace {

std::vector<std::string> flags_of(const CLI::App& app) {
  std::vector<std::string> flags;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) flags.push_back("--" + name);
    for (const std::string& name : option->get_snames()) flags.push_back("-" + name);
  }
  return flags;
}

// What can follow --set: "placement.kind=eplb", "placement.redundant=", "cluster.nodes=".
std::vector<std::string> settings() {
  std::vector<std::string> all;
  const Catalog& catalog = Catalog::instance();
  for (const std::string& role : catalog.roles()) {
    if (role == Event::kRole) continue;  // of a list, which is set as a whole
    const std::string section = role == Topology::kRole ? "cluster.topology" : role;
    for (const std::string& name : catalog.names(role)) {
      all.push_back(fmt::format("{}.kind={}", section, name));
      for (const Parameter& parameter : catalog.find(role, name)->parameters)
        all.push_back(fmt::format("{}.{}=", section, parameter.name));
    }
  }
  auto sections = scenario_sections();
  sections.emplace_back("cluster", cluster_parameters());
  sections.emplace_back("model", model_parameters());
  all.emplace_back("events=");
  for (const auto& [section, parameters] : sections)
    for (const Parameter& parameter : parameters)
      if (parameter.type != ParameterType::kTree)
        all.push_back(fmt::format("{}{}{}=", section, section.empty() ? "" : ".", parameter.name));
  for (const auto& [section, folder] :
       {std::pair("model", "models"), std::pair("cluster", "clusters"),
        std::pair("calibration", "calibrations")})
    for (const std::string& name : preset_names(folder))
      all.push_back(fmt::format("{}={}", section, name));
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

std::vector<std::string> words_after(const std::string& command) {
  if (command == "completion") return {"bash", "zsh"};
  if (command != "list") return {};
  std::vector<std::string> words = {"models", "clusters", "calibrations"};
  for (const std::string& role : Catalog::instance().roles()) words.push_back(role);
  return words;
}

// The word under the cursor is taken from the line, because the shell splits words at "=".
constexpr const char* kBash = R"(_moesim() {{
  local line=${{COMP_LINE:0:COMP_POINT}} command=${{COMP_WORDS[1]}} words
  local current=${{line##*[[:space:]]}} before
  before=${{line%"$current"}}
  before=${{before%"${{before##*[![:space:]]}}"}}
  before=${{before##*[[:space:]]}}
  if [ "$before" = moesim ] || [ "$before" = "${{COMP_WORDS[0]}}" ]; then
    words="{commands}"
  elif [ "$before" = --set ]; then
    words="{settings}"
  else
    case $command in
{cases}
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  case $current in
    -*) ;;
    *) [ "$before" = --set ] || COMPREPLY+=($(compgen -f -- "$current")) ;;
  esac
  if [[ $current == *=* && $COMP_WORDBREAKS == *=* ]]; then
    COMPREPLY=("${{COMPREPLY[@]#"${{current%"${{current##*=}}"}}"}}")
  fi
  [[ ${{#COMPREPLY[@]}} == 1 && ${{COMPREPLY[0]}} == *= ]] && compopt -o nospace 2> /dev/null
  return 0
}}
complete -o filenames -F _moesim moesim
)";

std::string bash_script() {
  std::vector<std::string> names;
  std::string cases;
  for (const auto& [name, command] : commands()) {
    CLI::App app;
    const auto action = command.declare(app);
    std::vector<std::string> words = words_after(name);
    for (const std::string& flag : flags_of(app)) words.push_back(flag);
    for (const CLI::App* sub : app.get_subcommands(nullptr)) {
      words.push_back(sub->get_name());
      for (const std::string& flag : flags_of(*sub)) words.push_back(flag);
    }
    std::sort(words.begin(), words.end());
    words.erase(std::unique(words.begin(), words.end()), words.end());
    names.push_back(name);
    cases += fmt::format("      {}) words=\"{}\" ;;\n", name, fmt::join(words, " "));
  }
  names.push_back("--help");
  names.push_back("--version");
  cases.pop_back();
  return fmt::format(kBash, fmt::arg("commands", fmt::join(names, " ")),
                     fmt::arg("settings", fmt::join(settings(), " ")), fmt::arg("cases", cases));
}

std::function<int()> declare(CLI::App& app) {
  const auto shell = std::make_shared<std::string>();
  app.add_option("shell", *shell, "bash or zsh")
      ->required()
      ->check(CLI::IsMember(std::vector<std::string>{"bash", "zsh"}));
  return [shell] {
    if (*shell == "zsh")
      fmt::print("autoload -Uz compinit bashcompinit && compinit && bashcompinit\n");
    fmt::print("{}", bash_script());
    return kExitDone;
  };
}

const RegisterCommand kCompletion(
    "completion",
    {.summary = "completion for a shell: source <(moesim completion bash)", .declare = declare});

}  // namespace
}  // namespace moesim
