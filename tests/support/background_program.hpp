// The program, running beside the test.
#pragma once

#include <csignal>

#include "tests/support/program.hpp"

namespace moesim {

class BackgroundProgram {
 public:
  // Its output goes nowhere; it runs in `directory`, in a process group of its own.
  BackgroundProgram(std::vector<std::string> arguments, const std::filesystem::path& directory) {
    arguments.insert(arguments.begin(), MOESIM_PROGRAM);
    std::vector<char*> argv;
    for (std::string& word : arguments) argv.push_back(word.data());
    argv.push_back(nullptr);
    child_ = fork();
    if (child_ != 0) return;
    setpgid(0, 0);
    const int nowhere = open("/dev/null", O_RDWR);
    for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) dup2(nowhere, stream);
    if (chdir(directory.c_str()) == 0) execv(argv[0], argv.data());
    _exit(127);
  }
  ~BackgroundProgram() {
    if (child_ <= 0) return;
    kill(SIGKILL);
    wait();
  }
  BackgroundProgram(const BackgroundProgram&) = delete;
  BackgroundProgram& operator=(const BackgroundProgram&) = delete;

  bool is_running() {
    if (child_ > 0 && waitpid(child_, &status_, WNOHANG) == child_) child_ = 0;
    return child_ > 0;
  }
  void kill(int signal) {
    if (child_ > 0) ::kill(child_, signal);
  }
  // Its exit code, or 128 + the signal that ended it.
  int wait() {
    if (child_ > 0) {
      EXPECT_EQ(waitpid(child_, &status_, 0), child_);
    }
    child_ = 0;
    return WIFSIGNALED(status_) ? 128 + WTERMSIG(status_) : WEXITSTATUS(status_);
  }

 private:
  pid_t child_ = 0;
  int status_ = 0;
};

}  // namespace moesim
