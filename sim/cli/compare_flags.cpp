#include "sim/cli/compare_flags.hpp"

#include <fmt/format.h>

#include "sim/cli/command_line.hpp"

namespace moesim {

std::string command_of(const CompareFlags& flags) {
  CommandLine line("compare");
  for (const std::string& path : flags.paths) line.file(path);
  line.flags("--set", flags.overrides).flags("--vary", flags.vary);
  if (flags.seed) line.flag("--seed", fmt::format("{}", *flags.seed));
  if (flags.seeds > 1) line.flag("--seeds", fmt::format("{}", flags.seeds));
  if (!flags.baseline.empty()) line.flag("--baseline", flags.baseline);
  if (flags.metric != CompareOptions{}.metric) line.flag("--metric", flags.metric);
  return line.text();
}

}  // namespace moesim
