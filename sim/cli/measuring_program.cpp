#include "sim/cli/measuring_program.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "sim/base/error.hpp"

namespace moesim {
namespace {

namespace fs = std::filesystem;

// Keyboard interrupts go to the whole process group: the program that measures ends its file
// properly, and we wait for it.
class IgnoreInterrupts {
 public:
  IgnoreInterrupts() : former_(signal(SIGINT, SIG_IGN)) {}
  ~IgnoreInterrupts() { signal(SIGINT, former_); }
  IgnoreInterrupts(const IgnoreInterrupts&) = delete;
  IgnoreInterrupts& operator=(const IgnoreInterrupts&) = delete;

 private:
  void (*former_)(int);
};

// Interrupts are as usual in the child, though we ignore them.
int spawn(const std::vector<std::string>& arguments, posix_spawn_file_actions_t* actions) {
  const std::string program = measuring_program().string();
  std::vector<char*> words = {const_cast<char*>(program.c_str())};
  for (const std::string& argument : arguments)
    words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t usual;
  sigemptyset(&usual);
  sigaddset(&usual, SIGINT);
  posix_spawnattr_setsigdefault(&attributes, &usual);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  pid_t child = 0;
  const int error =
      posix_spawn(&child, program.c_str(), actions, &attributes, words.data(), environ);
  posix_spawnattr_destroy(&attributes);
  if (error != 0)
    throw InputError({}, fmt::format("cannot start {}: {}", program, std::strerror(error)));
  return child;
}

int wait_for(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::string read_all(int file) {
  std::string text;
  std::array<char, 4096> part{};
  for (ssize_t got = 0; (got = read(file, part.data(), part.size())) != 0;) {
    if (got > 0) text.append(part.data(), static_cast<std::size_t>(got));
    if (got < 0 && errno != EINTR) break;
  }
  return text;
}

}  // namespace

fs::path measuring_program() {
  std::error_code error;
  const fs::path own = fs::read_symlink("/proc/self/exe", error);
  const fs::path beside = own.parent_path() / "moesim-profile";
  if (error || !fs::exists(beside))
    throw InputError({}, "the program that measures kernels, moesim-profile, is not beside moesim",
                     "./dev build makes it");
  return beside;
}

int run_measuring_program(const std::vector<std::string>& arguments) {
  const IgnoreInterrupts ignore;
  return wait_for(spawn(arguments, nullptr));
}

std::string ask_measuring_program(const std::vector<std::string>& arguments) {
  std::array<int, 2> ends{};
  if (pipe(ends.data()) != 0)
    throw InputError({}, fmt::format("cannot make a pipe: {}", std::strerror(errno)));
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_addclose(&actions, ends[0]);
  const pid_t child = spawn(arguments, &actions);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  const std::string text = read_all(ends[0]);
  close(ends[0]);
  if (wait_for(child) != 0) throw InputError({}, "moesim-profile failed; see above");
  return text;
}

}  // namespace moesim
