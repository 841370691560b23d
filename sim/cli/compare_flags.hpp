// What moesim compare was asked for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "analysis/compare.hpp"
#include "sim/cli/flags.hpp"

namespace moesim {

struct CompareFlags {
  std::vector<std::string> paths, overrides, vary;
  std::optional<std::uint64_t> seed;
  int seeds = 1;
  std::string baseline;
  std::string metric = CompareOptions{}.metric;
  std::optional<double> fail_below;
  bool csv = false, markdown = false;
  std::string directory;
  OutputFlags output;
};

// The command line that makes the same comparison again. Files hold no absolute paths: of such, the
// file's name is there.
std::string command_of(const CompareFlags& flags);

}  // namespace moesim
