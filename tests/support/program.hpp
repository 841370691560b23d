// Runs the program as a user would: arguments in, stdout, stderr and exit code out.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "tests/support/temporary_directory.hpp"

namespace moesim {

struct Session {
  int exit_code = -1;  // 128 + signal where a signal ended it
  std::string out, err;
};

// `arguments` without the program's name; it runs in `directory`. What it prints depends on the
// locale and on COLUMNS: these are UTF-8 and none, where `environment` says nothing else.
inline Session run_program(const std::vector<std::string>& arguments,
                           const std::filesystem::path& directory = MOESIM_SOURCE_DIR,
                           const std::map<std::string, std::string>& environment = {}) {
  const TemporaryDirectory scratch;
  const std::string out = scratch / "out", err = scratch / "err";
  std::vector<std::string> words = {MOESIM_PROGRAM};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    setenv("LC_ALL", "C.UTF-8", 1);
    unsetenv("COLUMNS");
    for (const auto& [name, value] : environment) setenv(name.c_str(), value.c_str(), 1);
    const int flags = O_WRONLY | O_CREAT | O_TRUNC;
    dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
    dup2(open(out.c_str(), flags, 0600), STDOUT_FILENO);
    dup2(open(err.c_str(), flags, 0600), STDERR_FILENO);
    if (chdir(directory.c_str()) == 0) execv(argv[0], argv.data());
    _exit(127);
  }
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return {.exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status),
          .out = file_text(out),
          .err = file_text(err)};
}

}  // namespace moesim
