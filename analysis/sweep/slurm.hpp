// Slurm: a job array for the shards of a sweep, and whether it still runs.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace moesim {

struct SlurmArray {
  std::string name;                  // of the job; no other job has it
  std::filesystem::path submission;  // folder of shards, absolute
  std::filesystem::path directory;   // where the shards run: that of the submission
  int tasks = 1;
  int cpus = 1;                      // of each task
  std::vector<std::string> options;  // further ones of sbatch: "--partition=long"
  std::vector<std::string> command;  // of a task; the number and name of the attempt are added
};

// A job of this folder and submission.
std::string slurm_job_name(const std::string& sweep, const std::filesystem::path& submission);

// Tasks that are lost with their node, or preempted, are started again (--requeue).
std::string sbatch_script(const SlurmArray& array);

// Hands the script to sbatch; returns the job's number. Throws InputError with sbatch's words.
std::string submit_to_slurm(const std::filesystem::path& script);

// The number of a job of this name that waits or runs, if there is one. Throws InputError where
// squeue cannot be asked.
std::optional<std::string> slurm_job(const std::string& name);

}  // namespace moesim
