// The program: finds the command, and turns what goes wrong into a message and an exit code.
#include <fmt/format.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <functional>
#include <utility>
#include <vector>

#include "analysis/experiment.hpp"
#include "sim/base/check.hpp"
#include "sim/base/error.hpp"
#include "sim/cli/command.hpp"

namespace moesim {
namespace {

int report_bug(const char* what) {
  fmt::print(
      stderr,
      "moesim: internal error: {}\n"
      "This is a bug of moesim {}. Please report it with the command line and the scenario.\n",
      what, MOESIM_VERSION);
  return kExitBug;
}

int run(int argc, char** argv) {
  CLI::App app("moesim: a simulator of Mixture-of-Experts scheduling on GPU clusters", "moesim");
  app.require_subcommand(1);
  app.set_version_flag("--version", "moesim " MOESIM_VERSION);
  std::vector<std::pair<CLI::App*, std::function<int()>>> actions;
  for (const auto& [name, command] : commands()) {
    CLI::App* sub = app.add_subcommand(name, command.summary);
    actions.emplace_back(sub, command.declare(*sub));
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitDone : kExitInput;
  }
  for (const auto& [sub, action] : actions)
    if (sub->parsed()) return action();
  return kExitDone;
}

}  // namespace
}  // namespace moesim

int main(int argc, char** argv) {
  std::signal(SIGINT, [](int) { std::_Exit(moesim::kExitInterrupted); });
  std::signal(SIGPIPE, SIG_DFL);
  try {
    const int code = moesim::run(argc, argv);
    if (std::fflush(stdout) != 0) return moesim::kExitBug;
    return code;
  } catch (const moesim::InputError& error) {
    std::fflush(stdout);
    fmt::print(stderr, "{}\n", error.what());
    return moesim::kExitInput;
  } catch (const moesim::VariantFailed& failure) {
    std::fflush(stdout);
    fmt::print(stderr, "{}\n", failure.what());
    return failure.exit_code();
  } catch (const moesim::Interrupted&) {
    return moesim::kExitInterrupted;
  } catch (const std::exception& error) {
    return moesim::report_bug(error.what());
  }
}
