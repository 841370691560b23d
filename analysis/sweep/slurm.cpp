#include "analysis/sweep/slurm.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "sim/base/digest.hpp"
#include "sim/base/yaml.hpp"

namespace moesim {
namespace {

// As one word of a shell.
std::string shell_word(const std::string& text) {
  const bool plain = !text.empty() && text.find_first_not_of(
                                          "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                          "0123456789_-./=:,+@") == std::string::npos;
  if (plain) return text;
  std::string word = "'";
  for (const char c : text) word += c == '\'' ? "'\\''" : std::string(1, c);
  return word + "'";
}

struct CommandOutput {
  int exit_code = 0;
  std::string text;  // stdout and stderr
};

CommandOutput output_of(std::vector<std::string> words) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0)
    throw InputError({}, fmt::format("cannot make a pipe: {}", std::strerror(errno)));
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_t child = 0;
  const int error =
      posix_spawnp(&child, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  CommandOutput output;
  std::array<char, 4096> part{};
  for (ssize_t got = 0; (got = read(ends[0], part.data(), part.size())) != 0;) {
    if (got > 0) output.text.append(part.data(), static_cast<std::size_t>(got));
    if (got < 0 && errno != EINTR) break;
  }
  close(ends[0]);
  if (error != 0)
    throw InputError({text_source("--executor slurm", "", true), 0, 0},
                     fmt::format("cannot run {}: {}", words[0], std::strerror(error)),
                     "Slurm's commands must be in $PATH");
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  output.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  output.text.erase(output.text.find_last_not_of(" \n") + 1);
  return output;
}

[[noreturn]] void refuse(const std::string& program, const CommandOutput& output) {
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
  const CommandOutput output = output_of({"sbatch", "--parsable", script.string()});
  if (output.exit_code != 0) refuse("sbatch", output);
  // "NUMBER" or "NUMBER;CLUSTER", below what it may have to say first.
  const std::string line = output.text.substr(output.text.rfind('\n') + 1);
  return line.substr(0, line.find(';'));
}

std::optional<std::string> slurm_job(const std::string& name) {
  const CommandOutput output = output_of({"squeue", "--noheader", "--name=" + name, "--format=%A"});
  if (output.exit_code != 0) refuse("squeue", output);
  if (output.text.empty()) return std::nullopt;
  return output.text.substr(0, output.text.find('\n'));
}

}  // namespace moesim
