// Command lines that a shell runs, and what is there to be run.
#pragma once

#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace moesim {

struct ShellRun {
  int exit_code = -1;
  std::string output;  // stdout and stderr
};

inline ShellRun run_shell(const std::string& command) {
  ShellRun run;
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  std::array<char, 4096> buffer{};
  while (const std::size_t count = fread(buffer.data(), 1, buffer.size(), pipe))
    run.output.append(buffer.data(), count);
  const int status = pclose(pipe);
  run.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return run;
}

// `programs`: names with blanks between them.
inline bool there_is(const std::string& programs) {
  return std::system(("command -v " + programs + " > /dev/null").c_str()) == 0;
}

}  // namespace moesim
