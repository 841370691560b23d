#include "sim/cli/flags.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <thread>

#include "sim/read_scenario.hpp"

namespace moesim {

void ScenarioFlags::declare(CLI::App& app) {
  app.add_option("SCENARIO", path, "scenario file (YAML)")->required();
  app.add_option("--set", overrides, "override a key: --set section.key=value (repeatable)")
      ->type_name("KEY=VALUE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false);
  app.add_option("--seed", seed, "seed of all random streams (same as --set seed=N)");
}

Scenario ScenarioFlags::read() const {
  std::vector<std::string> all = overrides;
  if (seed) all.push_back("seed=" + std::to_string(*seed));
  return read_scenario(path, all);
}

void OutputFlags::declare(CLI::App& app) {
  app.add_flag("--json", json, "print one JSON document on stdout, nothing else");
  app.add_flag("-q,--quiet", quiet, "no progress line");
  app.add_option("--color", color, "auto, always or never")
      ->check(CLI::IsMember({"auto", "always", "never"}))
      ->capture_default_str();
  app.add_option("-j,--jobs", jobs, "children at a time (default: one per core)")
      ->check(CLI::NonNegativeNumber);
}

bool OutputFlags::color_on_stdout() const {
  if (color != "auto") return color == "always";
  return isatty(STDOUT_FILENO) != 0 && std::getenv("NO_COLOR") == nullptr;
}

int OutputFlags::job_count() const {
  if (jobs > 0) return jobs;
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

}  // namespace moesim
