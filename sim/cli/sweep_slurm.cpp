// moesim sweep --executor slurm: the runs of a sweep as a job array, and the shards that it starts.
#include <fmt/format.h>

#include <chrono>
#include <fstream>
#include <memory>
#include <thread>

#include "analysis/progress.hpp"
#include "analysis/sweep/shards.hpp"
#include "analysis/sweep/slurm.hpp"
#include "sim/cli/command.hpp"
#include "sim/cli/sweep_commands.hpp"

namespace moesim {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kMostShards = 64;  // where nobody says how many
constexpr int kPatience = 60;            // times that squeue may fail in a row
constexpr int kLateFiles = 5;            // looks at a folder that other machines write to
constexpr std::chrono::milliseconds kPause(500);

fs::path shared_folder(const SweepFlags& flags) {
  return fs::absolute(flags.shared.empty() ? flags.results + ".slurm" : flags.shared)
      .lexically_normal();
}

fs::path submission_of(const fs::path& folder) {
  return submission_folder(folder, latest_submission(folder));
}

// Follows a sweep's job, and takes over what its shards have done.
class SlurmRun {
 public:
  SlurmRun(const SweepPlan& plan, SweepStore& store, const SweepFlags& flags)
      : plan_(plan), store_(store), flags_(flags), folder_(shared_folder(flags)) {}

  // What earlier submissions came to, and the end of one that is still at work.
  void resume() {
    const std::string name = job_name();
    if (const auto job = slurm_job(name)) {
      say(flags_, "job {} is at work on {}", *job, folder_.string());
      follow(name);
    }
    collect(true);
  }

  void submit() {
    const fs::path submission = submission_folder(folder_, latest_submission(folder_) + 1);
    const std::vector<const SweepAim*> aims = pending();
    const std::size_t asked =
        flags_.shards > 0 ? static_cast<std::size_t>(flags_.shards) : kMostShards;
    const int tasks = static_cast<int>(std::min(aims.size(), asked));
    write_shards(submission, aims, tasks);
    const fs::path script = submission / "sweep.sbatch";
    std::ofstream file(script);
    file << sbatch_script({.name = slurm_job_name(plan_.heading.name, submission),
                           .submission = submission,
                           .directory = fs::current_path(),
                           .tasks = tasks,
                           .cpus = std::max(1, flags_.output.jobs),
                           .options = flags_.sbatch,
                           .command = shard_command(submission)});
    file.close();
    if (!file) throw InputError({text_source(script.string(), ""), 0, 0}, "cannot write the file");
    std::string job;
    try {
      job = submit_to_slurm(script);
    } catch (const InputError&) {  // nothing was submitted
      fs::remove_all(submission);
      throw;
    }
    say(flags_, "job {}: {} runs in {} shards, script {}", job, aims.size(), tasks,
        script.string());
    say(flags_, "it goes on without this program; --resume collects what it has done");
  }

  // Until the job has ended; what its shards finish is taken over as they end.
  void wait() {
    follow(job_name());
    for (int i = 0; i < kLateFiles && !pending().empty(); ++i) {
      collect(true);
      std::this_thread::sleep_for(kPause);
    }
  }

  std::vector<const SweepAim*> pending() const { return pending_aims(plan_, store_.finished()); }

 private:
  std::string job_name() const {
    return slurm_job_name(plan_.heading.name, submission_of(folder_));
  }

  std::vector<std::string> shard_command(const fs::path& submission) const {
    std::vector<std::string> words = {fs::read_symlink("/proc/self/exe").string(), "sweep", "shard",
                                      "-j", std::to_string(std::max(1, flags_.output.jobs))};
    for (const std::string& assignment : flags_.overrides)
      words.insert(words.end(), {"--set", assignment});
    words.insert(words.end(), {flags_.path, submission.string()});
    return words;
  }

  void collect(bool all) { done_ += collect_shards(folder_, all, store_, merged_); }

  void follow(const std::string& name) {
    Progress progress("runs", Progress::wanted(flags_.output.quiet));
    const auto total = static_cast<std::int64_t>(pending().size());
    const int before = done_;
    for (int failures = 0;;) {
      bool active = true;
      try {
        active = slurm_job(name).has_value();
        failures = 0;
      } catch (const InputError&) {  // its controller may be away for a moment
        if (++failures == kPatience) throw;
      }
      collect(false);
      progress.update(done_ - before, total);
      if (!active) return;
      std::this_thread::sleep_for(kPause);
    }
  }

  const SweepPlan& plan_;
  SweepStore& store_;
  const SweepFlags& flags_;
  fs::path folder_;
  std::set<fs::path> merged_;
  int done_ = 0;
};

void check_folder(const fs::path& folder, bool resume) {
  const bool submitted = latest_submission(folder) > 0;
  if (submitted && !resume)
    throw InputError({text_source("--shared", folder.string(), true), 1, 1},
                     "a sweep was submitted to this folder",
                     "--resume goes on with it; for another sweep name another folder");
  if (!submitted && resume)
    throw InputError({text_source("--resume", folder.string(), true), 1, 1},
                     "nothing was submitted to this folder", "leave out --resume");
}

struct ShardFlags {
  std::string path, submission, attempt = "0";
  std::vector<std::string> overrides;
  int shard = 0, jobs = 1;
};

int run_one_shard(const ShardFlags& flags) {
  const SweepPlan plan =
      plan_sweep(flags.path, flags.overrides, shard_points(flags.submission, flags.shard));
  run_shard(plan, flags.submission, flags.shard, flags.attempt,
            {.jobs = flags.jobs, .killed_is_failed = false});
  return kExitDone;
}

}  // namespace

bool run_on_slurm(const SweepPlan& plan, SweepStore& store, const SweepFlags& flags) {
  check_folder(shared_folder(flags), flags.resume);
  SlurmRun run(plan, store, flags);
  if (flags.resume) run.resume();
  say(flags, "{} runs, {} to do", plan.aims.size(), run.pending().size());
  if (run.pending().empty()) return true;
  run.submit();
  if (flags.no_wait) return false;
  run.wait();
  if (const std::size_t missing = run.pending().size(); missing > 0)
    fmt::print(stderr,
               "moesim: {} runs are missing: their tasks were lost or stopped. The logs are in "
               "{}/logs; --resume submits them again\n",
               missing, submission_of(shared_folder(flags)).string());
  return true;
}

std::function<int()> declare_sweep_shard(CLI::App& app) {
  auto flags = std::make_shared<ShardFlags>();
  app.add_option("SWEEP", flags->path, "the sweep")->required();
  app.add_option("FOLDER", flags->submission, "folder of the submission")->required();
  app.add_option("NUMBER", flags->shard, "which shard, from 0")->required();
  app.add_option("--attempt", flags->attempt, "a name that no other attempt at this shard has");
  add_repeatable(app, "--set", flags->overrides, "TEXT", "as the sweep was submitted with");
  app.add_option("-j,--jobs", flags->jobs, "children at a time")->check(CLI::PositiveNumber);
  return [flags] { return run_one_shard(*flags); };
}

}  // namespace moesim
