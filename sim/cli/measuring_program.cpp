#include "sim/cli/measuring_program.hpp"

#include <fmt/format.h>
#include <signal.h>

#include <cstring>

#include "sim/base/call_program.hpp"
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

ProgramEnd call_measuring(const std::vector<std::string>& arguments, ProgramText asked) {
  std::vector<std::string> words = {measuring_program().string()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  ProgramEnd end = call_program(words, asked);
  if (end.start_error != 0)
    throw InputError({},
                     fmt::format("cannot start {}: {}", words[0], std::strerror(end.start_error)));
  return end;
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
  return call_measuring(arguments, ProgramText::kNone).exit_code;
}

std::string ask_measuring_program(const std::vector<std::string>& arguments) {
  ProgramEnd end = call_measuring(arguments, ProgramText::kOutput);
  if (end.exit_code != 0) throw InputError({}, "moesim-profile failed; see above");
  return std::move(end.text);
}

}  // namespace moesim
