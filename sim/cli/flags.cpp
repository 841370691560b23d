#include "sim/cli/flags.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <thread>

#include "sim/read_scenario.hpp"

namespace moesim {

void add_repeatable(CLI::App& app, const char* flag, std::vector<std::string>& values,
                    const char* type, const char* doc) {
  app.add_option(flag, values, doc)
      ->type_name(type)
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false);
}

void ScenarioFlags::declare(CLI::App& app) {
  app.add_option("SCENARIO", path, "scenario file")->required()->type_name("YAML");
  add_repeatable(app, "--set", overrides, "KEY=VALUE",
                 "override a key: --set section.key=value (repeatable)");
  app.add_option("--seed", seed, "seed of all random streams (same as --set seed=N)");
}

Scenario ScenarioFlags::read() const {
  std::vector<std::string> all = overrides;
  if (seed) all.push_back("seed=" + std::to_string(*seed));
  return read_scenario(path, all);
}

void declare_table_forms(CLI::App& app, bool& csv, bool& markdown) {
  CLI::Option* json = app.get_option("--json");
  CLI::Option* as_csv = app.add_flag("--csv", csv, "print CSV: a line of names, SI units");
  CLI::Option* as_markdown = app.add_flag("--markdown", markdown, "print Markdown tables");
  as_csv->excludes(json)->excludes(as_markdown);
  as_markdown->excludes(json);
}

void OutputFlags::declare(CLI::App& app) {
  app.add_flag("--json", json, "print one JSON document on stdout, nothing else");
  app.add_flag("-q,--quiet", quiet, "no progress line");
  declare_color(app, color);
  app.add_option("-j,--jobs", jobs, "children at a time (default: one per core)")
      ->check(CLI::NonNegativeNumber);
}

Screen stdout_screen(const std::string& color) {
  const bool terminal = isatty(STDOUT_FILENO) != 0;
  const char* no_color = std::getenv("NO_COLOR");
  Screen screen{.colour = color == "auto" ? terminal && (no_color == nullptr || *no_color == '\0')
                                          : color == "always",
                .unicode = locale_is_utf8()};
  const char* columns = std::getenv("COLUMNS");
  winsize size{};
  if (columns != nullptr && std::atoi(columns) > 0)
    screen.columns = static_cast<std::size_t>(std::atoi(columns));
  else if (terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    screen.columns = size.ws_col;
  return screen;
}

void declare_color(CLI::App& app, std::string& color) {
  app.add_option("--color", color, "auto, always or never")
      ->check(CLI::IsMember({"auto", "always", "never"}))
      ->capture_default_str();
}

int OutputFlags::job_count() const {
  if (jobs > 0) return jobs;
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

}  // namespace moesim
