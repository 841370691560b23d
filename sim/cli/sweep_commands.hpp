// The parts of `moesim sweep`.
#pragma once

#include <fmt/format.h>

#include <functional>
#include <string>
#include <vector>

#include "analysis/sweep/sweep_plan.hpp"
#include "analysis/sweep/sweep_table.hpp"
#include "sim/cli/flags.hpp"

namespace moesim {

struct SweepFlags {
  std::string path;                    // of the sweep's file
  std::string results;                 // the SQLite file
  std::vector<std::string> overrides;  // --set
  std::string metric;                  // that the best points are best by
  int top = 5;
  bool retry_failed = false, dry_run = false;
  std::string executor = "local";
  std::string shared;               // folder of the shards
  int shards = 0;                   // 0: as many as are worth it
  std::vector<std::string> sbatch;  // further options
  bool resume = false, no_wait = false;
  OutputFlags output;
};

// A line on stderr, unless nobody wants to know.
template <class... Values>
void say(const SweepFlags& flags, fmt::format_string<Values...> format, Values&&... values) {
  if (!flags.output.quiet)
    fmt::print(stderr, "moesim: {}\n", fmt::format(format, std::forward<Values>(values)...));
}

// A part that is a command of its own: declares its flags; the result runs it.
std::function<int()> declare_sweep_export(CLI::App& app);
std::function<int()> declare_sweep_shard(CLI::App& app);

// Has the runs that `store` lacks done by a job array. False where nobody waits for its end.
bool run_on_slurm(const SweepPlan& plan, SweepStore& store, const SweepFlags& flags);

// What a sweep came to: its best points and its failures.
struct SweepAnswer {
  std::string text, json;  // for stdout
  int exit_code = 0;       // 1 where a point has no answer, 70 where one crashed
};
SweepAnswer sweep_answer(const SweepTable& table, const SweepFlags& flags);

// The points, and which of them have run.
std::string sweep_preview(const SweepPlan& plan, const SweepFlags& flags);

// Throws InputError where the metric is none of those that have a better end.
void check_sweep_metric(const std::string& metric);

}  // namespace moesim
