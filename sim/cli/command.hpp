// Commands of the program: one file per command, registered by itself.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <map>
#include <string>

namespace moesim {

// Exit codes (DESIGN §7).
inline constexpr int kExitDone = 0;
inline constexpr int kExitNo = 1;     // ran, and the answer is no
inline constexpr int kExitInput = 2;  // bad flag or file
inline constexpr int kExitBug = 70;
inline constexpr int kExitInterrupted = 130;

struct Command {
  std::string summary;
  // Declares the flags; what it returns runs the command and gives the exit code.
  std::function<std::function<int()>(CLI::App&)> declare;
};

std::map<std::string, Command>& commands();

struct RegisterCommand {
  RegisterCommand(const std::string& name, Command command) {
    commands()[name] = std::move(command);
  }
};

}  // namespace moesim
