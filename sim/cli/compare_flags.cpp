#include "sim/cli/compare_flags.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "sim/base/shell_word.hpp"

namespace moesim {

std::string command_of(const CompareFlags& flags) {
  std::string command = "moesim compare";
  const auto add = [&](const std::string& flag, const std::string& value) {
    command += fmt::format(" {} {}", flag, shell_word(value));
  };
  for (const std::string& path : flags.paths) {
    const std::filesystem::path shown(path);
    command += " " + shell_word(shown.is_absolute() ? shown.filename().string() : path);
  }
  for (const std::string& text : flags.overrides) add("--set", text);
  for (const std::string& text : flags.vary) add("--vary", text);
  if (flags.seed) add("--seed", fmt::format("{}", *flags.seed));
  if (flags.seeds > 1) add("--seeds", fmt::format("{}", flags.seeds));
  if (!flags.baseline.empty()) add("--baseline", flags.baseline);
  if (flags.metric != CompareOptions{}.metric) add("--metric", flags.metric);
  return command;
}

}  // namespace moesim
