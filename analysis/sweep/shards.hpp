// A sweep that many processes share through a folder, on one machine or on many.
//
//   FOLDER/1, FOLDER/2, …     a submission each; of it:
//     sweep.sbatch            the script, as it was submitted
//     shards/0000.txt, …      the runs of a shard: point, seed and run on a line
//     results/0000.JOB.sqlite what a shard has finished: in the name of each attempt a file of its
//                             own, so that a process that was given up and its successor never
//                             write to the same one; it is called .part.sqlite until the shard ends
//     logs/                   what the shards said
//
// A shard that is started again leaves out what its earlier attempts have finished, so that a job
// may be requeued at any time. Runs have the name of their inputs: whoever collects takes over
// what is new, and nothing twice.
#pragma once

#include "analysis/sweep/sweep_run.hpp"

namespace moesim {

// The newest submission in the folder, from 1; 0 where there is none.
int latest_submission(const std::filesystem::path& folder);
std::filesystem::path submission_folder(const std::filesystem::path& folder, int submission);

// Makes the folder of a submission and deals the aims to its shards in turns, so that each has runs
// of every kind. Throws InputError where the folder cannot be written.
void write_shards(const std::filesystem::path& submission, const std::vector<const SweepAim*>& aims,
                  int shards);

// The points of a shard. Throws InputError where its list is not there.
std::set<int> shard_points(const std::filesystem::path& submission, int shard);

// Runs what the shard lists and none of its attempts has finished. `plan` has the shard's points;
// throws InputError where they are no longer what was submitted. `attempt` is a name that no other
// attempt has.
void run_shard(const SweepPlan& plan, const std::filesystem::path& submission, int shard,
               const std::string& attempt, const SweepRunOptions& options);

// Takes over what the shards of all submissions have finished: of those that have ended, or (`all`)
// of those that never will, too. Returns the runs that were new. `merged` are files that need not
// be looked at again.
int collect_shards(const std::filesystem::path& folder, bool all, SweepStore& store,
                   std::set<std::filesystem::path>& merged);

}  // namespace moesim
