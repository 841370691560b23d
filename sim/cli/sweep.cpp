// moesim sweep: a grid or a list of points, into an SQLite file that grows until all are there.
#include <fmt/format.h>

#include <filesystem>
#include <memory>

#include "analysis/compare.hpp"
#include "analysis/experiment.hpp"
#include "analysis/progress.hpp"
#include "analysis/sweep/sweep_run.hpp"
#include "analysis/sweep/sweep_table.hpp"
#include "sim/cli/command.hpp"
#include "sim/cli/command_line.hpp"
#include "sim/cli/sweep_commands.hpp"

namespace moesim {
namespace {

SweepPlan checked_plan(const SweepFlags& flags) {
  Progress progress("points checked", Progress::wanted(flags.output.quiet));
  SweepPlan plan =
      plan_sweep(flags.path, flags.overrides, {},
                 [&](std::int64_t done, std::int64_t total) { progress.update(done, total); });
  plan.heading.command =
      CommandLine("sweep").file(flags.path).flags("--set", flags.overrides).text();
  return plan;
}

void run_here(const SweepPlan& plan, SweepStore& store, const SweepFlags& flags) {
  const std::vector<const SweepAim*> pending = pending_aims(plan, store.finished());
  say(flags, "{} runs, {} to do", plan.aims.size(), pending.size());
  try {
    run_aims(
        plan, pending, store,
        {.jobs = flags.output.job_count(), .show_progress = Progress::wanted(flags.output.quiet)});
  } catch (const Interrupted&) {
    const std::size_t left = pending_aims(plan, store.finished()).size();
    fmt::print(stderr,
               "moesim: interrupted; {} has what is done, {} runs are left for the same command\n",
               flags.results, left);
    throw;
  }
}

int run(SweepFlags flags) {
  if (flags.path.empty())
    throw InputError({text_source("moesim sweep", "", true), 0, 0}, "needs the file of a sweep",
                     "moesim sweep FILE.yaml, or moesim sweep export FILE.sqlite");
  if (flags.results.empty())
    flags.results = std::filesystem::path(flags.path).stem().string() + ".sqlite";
  check_sweep_metric(flags.metric);
  const SweepPlan plan = checked_plan(flags);
  if (flags.dry_run) {
    fmt::print("{}", sweep_preview(plan, flags));
    return kExitDone;
  }
  SweepStore store(flags.results);
  store.set_aims(plan.heading, plan.aims);
  if (flags.retry_failed) store.forget_failed();
  if (flags.executor == "local")
    run_here(plan, store, flags);
  else if (!run_on_slurm(plan, store, flags))
    return kExitDone;
  const SweepAnswer answer = sweep_answer(read_sweep(flags.results), flags);
  fmt::print("{}", flags.output.json ? answer.json : answer.text);
  say(flags, "written to {}", flags.results);
  return answer.exit_code;
}

void declare_slurm(CLI::App& app, SweepFlags& flags) {
  app.add_option("--executor", flags.executor,
                 "local: children of this program; slurm: a job array")
      ->check(CLI::IsMember({"local", "slurm"}))
      ->capture_default_str();
  app.add_option("--shared", flags.shared,
                 "slurm: a folder that all nodes see, for scripts, shards and their results "
                 "(default: the results' name .slurm)");
  app.add_option("--shards", flags.shards, "slurm: tasks of the array (default: up to 64)")
      ->check(CLI::Range(1, 100'000));
  add_repeatable(app, "--sbatch", flags.sbatch, "OPTION",
                 "slurm: an option of sbatch, such as --sbatch=--partition=long (repeatable)");
  app.add_flag("--no-wait", flags.no_wait, "slurm: submit, and leave");
  app.add_flag("--resume", flags.resume,
               "slurm: collect what an earlier submission has done, and submit the rest again");
}

std::function<int()> declare_sweep(CLI::App& app) {
  auto flags = std::make_shared<SweepFlags>();
  flags->metric = CompareOptions{}.metric;
  app.add_option("SWEEP", flags->path, "the sweep (see scenarios/README.md)")->type_name("YAML");
  add_repeatable(app, "--set", flags->overrides, "KEY=VALUE",
                 "override a key of every point: --set section.key=value (repeatable)");
  app.add_option("-o,--out", flags->results,
                 "SQLite file of the results; one that is there goes on (default: SWEEP's name "
                 ".sqlite, here)");
  app.add_option("--metric", flags->metric, "what the best points are best by")
      ->capture_default_str();
  app.add_option("--top", flags->top, "how many of the best points are shown")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  app.add_flag("--retry-failed", flags->retry_failed, "run points that failed again");
  app.add_flag("--dry-run", flags->dry_run,
               "check every point, say which have run; simulate nothing");
  flags->output.declare(app);
  declare_slurm(app, *flags);
  app.require_subcommand(0, 1);
  CLI::App* export_app = app.add_subcommand("export", "print the results as CSV");
  CLI::App* shard_app = app.add_subcommand("shard", "one task of --executor slurm");
  const auto export_action = declare_sweep_export(*export_app);
  const auto shard_action = declare_sweep_shard(*shard_app);
  return [=] {
    if (export_app->parsed()) return export_action();
    return shard_app->parsed() ? shard_action() : run(*flags);
  };
}

const RegisterCommand kSweep("sweep",
                             {.summary = "run a grid of points, and keep the results in SQLite",
                              .declare = declare_sweep});

}  // namespace
}  // namespace moesim
