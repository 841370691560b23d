#include "analysis/sweep/slurm.hpp"

#include <fmt/format.h>

#include <cstring>

#include "sim/base/call_program.hpp"
#include "sim/base/digest.hpp"
#include "sim/base/shell_word.hpp"
#include "sim/base/yaml.hpp"

namespace moesim {
namespace {

// What it prints, errors included, without the line's end.
ProgramEnd ask_slurm(const std::vector<std::string>& words) {
  ProgramEnd end = call_program(words, ProgramText::kOutputAndErrors);
  if (end.start_error != 0)
    throw InputError({text_source("--executor slurm", "", true), 0, 0},
                     fmt::format("cannot run {}: {}", words[0], std::strerror(end.start_error)),
                     "Slurm's commands must be in $PATH");
  end.text.erase(end.text.find_last_not_of(" \n") + 1);
  return end;
}

[[noreturn]] void refuse(const std::string& program, const ProgramEnd& output) {
  throw InputError({text_source("--executor slurm", "", true), 0, 0},
                   fmt::format("{} failed: {}", program, output.text));
}

}  // namespace

std::string slurm_job_name(const std::string& sweep, const std::filesystem::path& submission) {
  const std::string place = digest(submission.lexically_normal().string());
  return fmt::format("moesim-{}-{}", sweep, place.substr(place.find(':') + 1, 12));
}

std::string sbatch_script(const SlurmArray& array) {
  std::string text = "#!/bin/bash\n# Written by moesim sweep; it may be submitted again.\n";
  const auto option = [&](const std::string& words) { text += "#SBATCH " + words + "\n"; };
  option(fmt::format("--job-name={}", shell_word(array.name)));
  option(fmt::format("--array=0-{}", array.tasks - 1));
  option(fmt::format("--cpus-per-task={}", array.cpus));
  option("--requeue");
  option("--open-mode=append");
  option("--output=" + shell_word((array.submission / "logs" / "%a.log").string()));
  option("--chdir=" + shell_word(array.directory.string()));
  for (const std::string& words : array.options) option(words);
  text += "exec";
  for (const std::string& word : array.command) text += " " + shell_word(word);
  return text + " \"$SLURM_ARRAY_TASK_ID\" --attempt \"$SLURM_JOB_ID-${SLURM_RESTART_COUNT:-0}\"\n";
}

std::string submit_to_slurm(const std::filesystem::path& script) {
  const ProgramEnd output = ask_slurm({"sbatch", "--parsable", script.string()});
  if (output.exit_code != 0) refuse("sbatch", output);
  // "NUMBER" or "NUMBER;CLUSTER", below what it may have to say first.
  const std::string line = output.text.substr(output.text.rfind('\n') + 1);
  return line.substr(0, line.find(';'));
}

std::optional<std::string> slurm_job(const std::string& name) {
  const ProgramEnd output = ask_slurm({"squeue", "--noheader", "--name=" + name, "--format=%A"});
  if (output.exit_code != 0) refuse("squeue", output);
  if (output.text.empty()) return std::nullopt;
  return output.text.substr(0, output.text.find('\n'));
}

}  // namespace moesim
