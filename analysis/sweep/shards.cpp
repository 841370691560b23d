#include "analysis/sweep/shards.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "sim/base/yaml.hpp"

namespace moesim {
namespace fs = std::filesystem;
namespace {

constexpr const char* kEnded = ".sqlite";
constexpr const char* kPart = ".part.sqlite";

fs::path list_of(const fs::path& submission, int shard) {
  return submission / "shards" / fmt::format("{:04}.txt", shard);
}

struct ListedRun {
  int point = 0;
  std::uint64_t seed = 0;
  std::string run;
};

std::vector<ListedRun> read_list(const fs::path& path) {
  const auto source = read_source(path);
  std::vector<ListedRun> runs;
  for (std::size_t i = 0; i < source->lines.size(); ++i) {
    std::istringstream line(source->lines[i]);
    ListedRun run;
    if (!(line >> run.point >> run.seed >> run.run))
      throw InputError({source, static_cast<int>(i) + 1, 1}, "this is no run of a shard");
    runs.push_back(std::move(run));
  }
  return runs;
}

std::vector<fs::path> results_in(const fs::path& submission) {
  std::vector<fs::path> files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(submission / "results", error))
    if (entry.path().extension() == kEnded) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

std::set<std::string> finished_by(const fs::path& submission, int shard) {
  std::set<std::string> finished;
  const std::string begin = fmt::format("{:04}.", shard);
  for (const fs::path& file : results_in(submission))
    if (file.filename().string().starts_with(begin)) finished.merge(SweepStore(file).finished());
  return finished;
}

std::vector<const SweepAim*> listed_aims(const SweepPlan& plan, const fs::path& submission,
                                         int shard) {
  std::vector<const SweepAim*> aims;
  for (const ListedRun& listed : read_list(list_of(submission, shard))) {
    const auto found = std::find_if(plan.aims.begin(), plan.aims.end(), [&](const SweepAim& aim) {
      return aim.point == listed.point && aim.seed == listed.seed && aim.run == listed.run;
    });
    if (found == plan.aims.end())
      throw InputError({text_source(list_of(submission, shard).string(), ""), 0, 0},
                       fmt::format("point {} is not what was submitted: the sweep, a file that it "
                                   "reads, or moesim has changed since",
                                   listed.point),
                       "submit the sweep again");
    aims.push_back(&*found);
  }
  return aims;
}

}  // namespace

int latest_submission(const fs::path& folder) {
  int latest = 0;
  while (fs::exists(submission_folder(folder, latest + 1))) ++latest;
  return latest;
}

fs::path submission_folder(const fs::path& folder, int submission) {
  return folder / std::to_string(submission);
}

void write_shards(const fs::path& submission, const std::vector<const SweepAim*>& aims,
                  int shards) {
  for (const char* part : {"shards", "results", "logs"}) {
    std::error_code error;
    fs::create_directories(submission / part, error);
    if (error)
      throw InputError({text_source(submission.string(), ""), 0, 0},
                       "cannot make the folder: " + error.message(),
                       "--shared names a folder that all nodes can write to");
  }
  for (int shard = 0; shard < shards; ++shard) {
    std::ofstream list(list_of(submission, shard));
    for (std::size_t i = static_cast<std::size_t>(shard); i < aims.size();
         i += static_cast<std::size_t>(shards))
      list << fmt::format("{} {} {}\n", aims[i]->point, aims[i]->seed, aims[i]->run);
    list.close();
    if (!list)
      throw InputError({text_source(list_of(submission, shard).string(), ""), 0, 0},
                       "cannot write the file");
  }
}

std::set<int> shard_points(const fs::path& submission, int shard) {
  std::set<int> points;
  for (const ListedRun& run : read_list(list_of(submission, shard))) points.insert(run.point);
  return points;
}

void run_shard(const SweepPlan& plan, const fs::path& submission, int shard,
               const std::string& attempt, const SweepRunOptions& options) {
  std::vector<const SweepAim*> aims = listed_aims(plan, submission, shard);
  const std::set<std::string> finished = finished_by(submission, shard);
  std::erase_if(aims, [&](const SweepAim* aim) { return finished.contains(aim->run); });
  const std::string name =
      (submission / "results" / fmt::format("{:04}.{}", shard, attempt)).string();
  {
    SweepStore store(name + kPart);
    run_aims(plan, aims, store, options);
  }
  fs::rename(name + kPart, name + kEnded);
}

int collect_shards(const fs::path& folder, bool all, SweepStore& store,
                   std::set<fs::path>& merged) {
  int added = 0;
  for (int submission = 1; submission <= latest_submission(folder); ++submission)
    for (const fs::path& file : results_in(submission_folder(folder, submission))) {
      const bool ended = !file.string().ends_with(kPart);
      if ((!ended && !all) || merged.contains(file)) continue;
      added += store.merge(file);
      if (ended) merged.insert(file);
    }
  return added;
}

}  // namespace moesim
