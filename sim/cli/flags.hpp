// Flags that several commands share.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "analysis/screen.hpp"
#include "sim/model/scenario.hpp"

namespace moesim {

// An option that takes one value each time it is given, and may be given many times.
void add_repeatable(CLI::App& app, const char* flag, std::vector<std::string>& values,
                    const char* type, const char* doc);

struct ScenarioFlags {
  std::string path;
  std::vector<std::string> overrides;
  std::optional<std::uint64_t> seed;

  void declare(CLI::App& app);
  Scenario read() const;
};

// What stdout is, for tables: colours by --color, the terminal's width (or COLUMNS), its
// characters.
Screen stdout_screen(const std::string& color);
void declare_color(CLI::App& app, std::string& color);
// --csv and --markdown, which go neither with each other nor with a --json declared before.
void declare_table_forms(CLI::App& app, bool& csv, bool& markdown);

struct OutputFlags {
  bool json = false;
  bool quiet = false;
  std::string color = "auto";
  int jobs = 0;  // 0 = one per core

  void declare(CLI::App& app);
  Screen screen() const { return stdout_screen(color); }
  int job_count() const;
};

}  // namespace moesim
