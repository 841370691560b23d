// Flags that several commands share.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "sim/model/scenario.hpp"

namespace moesim {

struct ScenarioFlags {
  std::string path;
  std::vector<std::string> overrides;
  std::optional<std::uint64_t> seed;

  void declare(CLI::App& app);
  Scenario read() const;
};

struct OutputFlags {
  bool json = false;
  bool quiet = false;
  std::string color = "auto";
  int jobs = 0;  // 0 = one per core

  void declare(CLI::App& app);
  bool color_on_stdout() const;
  int job_count() const;
};

}  // namespace moesim
