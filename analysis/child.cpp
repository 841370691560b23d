#include "analysis/child.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string_view>
#include <system_error>

#include "sim/base/error.hpp"

namespace moesim {
namespace {

constexpr int kExitOfInputError = 2;
constexpr int kExitOfBug = 70;

std::string framed(std::string_view text) {
  const std::uint64_t size = text.size();
  std::string frame(sizeof size, '\0');
  std::memcpy(frame.data(), &size, sizeof size);
  return frame.append(text);
}

// Nothing where the frame is not whole.
std::optional<std::string> unframed(const std::string& frame) {
  std::uint64_t size = 0;
  if (frame.size() < sizeof size) return std::nullopt;
  std::memcpy(&size, frame.data(), sizeof size);
  if (frame.size() - sizeof size != size) return std::nullopt;
  return frame.substr(sizeof size);
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

std::array<int, 2> make_pipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0)
    throw std::system_error(errno, std::generic_category(), "cannot make a pipe");
  return ends;
}

// The child's life; it ends without the clean-up of what it shares with the parent.
[[noreturn]] void live(const Variant& variant, int frame_pipe) {
  int code = 0;
  std::string text;
  try {
    text = variant.run();
  } catch (const InputError& error) {
    code = kExitOfInputError;
    text = error.what();
  } catch (const std::exception& error) {
    code = kExitOfBug;
    text = error.what();
  }
  std::fflush(nullptr);
  _exit(write_all(frame_pipe, framed(text)) ? code : kExitOfBug);
}

void set_up_child(pid_t parent, int diagnostics_pipe, bool share_stderr, const sigset_t& mask) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(kExitOfBug);  // it died before the line above
  for (const int signal : {SIGINT, SIGTERM}) std::signal(signal, SIG_DFL);
  sigprocmask(SIG_SETMASK, &mask, nullptr);
  if (!share_stderr) dup2(diagnostics_pipe, STDERR_FILENO);
  dup2(STDERR_FILENO, STDOUT_FILENO);  // stdout is the parent's alone
}

Outcome bug(const std::string& name, const std::string& what, std::string diagnostics) {
  Outcome outcome{.exit_code = kExitOfBug, .diagnostics = std::move(diagnostics)};
  outcome.error = fmt::format(
      "moesim: internal error in '{}': {}\n"
      "This is a bug of moesim {}. Please report it with the command line and the scenario.",
      name, what, MOESIM_VERSION);
  return outcome;
}

}  // namespace

void Child::Pipe::close() {
  if (fd >= 0) ::close(fd);
  fd = -1;
}

void Child::Pipe::read_more() {
  std::array<char, 65536> buffer{};
  while (fd >= 0) {
    const ssize_t count = read(fd, buffer.data(), buffer.size());
    if (count > 0) {
      text.append(buffer.data(), static_cast<std::size_t>(count));
    } else if (count < 0 && errno == EINTR) {
      continue;
    } else if (count < 0 && errno == EAGAIN) {
      return;
    } else {
      close();
    }
  }
}

Child::Child(const Variant& variant, bool share_stderr, const sigset_t& mask)
    : name_(variant.name) {
  const std::array<int, 2> frame = make_pipe();
  const std::array<int, 2> diagnostics = make_pipe();
  std::fflush(nullptr);  // else the child would write our buffered text once more
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ == 0) {
    set_up_child(parent, diagnostics[1], share_stderr, mask);
    live(variant, frame[1]);
  }
  const int fork_error = errno;
  ::close(frame[1]);
  ::close(diagnostics[1]);
  frame_.fd = frame[0];
  diagnostics_.fd = diagnostics[0];
  if (pid_ < 0) {
    frame_.close();
    diagnostics_.close();
    throw std::system_error(fork_error, std::generic_category(), "cannot start a process");
  }
  for (const int fd : {frame[0], diagnostics[0]}) fcntl(fd, F_SETFL, O_NONBLOCK);
}

Child::~Child() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  frame_.close();
  diagnostics_.close();
}

void Child::add_pipes(std::vector<pollfd>& pipes) const {
  for (const Pipe* pipe : {&frame_, &diagnostics_})
    if (pipe->fd >= 0) pipes.push_back({.fd = pipe->fd, .events = POLLIN});
}

bool Child::read_more() {
  frame_.read_more();
  diagnostics_.read_more();
  return frame_.fd >= 0 || diagnostics_.fd >= 0;
}

Outcome Child::finish() {
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  std::string& said = diagnostics_.text;
  if (WIFSIGNALED(status)) {
    const int signal = WTERMSIG(status);
    Outcome outcome = bug(name_, fmt::format("ended by signal {} ({})", signal, strsignal(signal)),
                          std::move(said));
    outcome.signal = signal;
    return outcome;
  }
  const int code = WEXITSTATUS(status);
  std::optional<std::string> text = unframed(frame_.text);
  if (!text) return bug(name_, fmt::format("exit {} without a whole document", code), said);
  if (code == 0) return {.document = std::move(*text), .diagnostics = std::move(said)};
  if (code == kExitOfInputError)
    return {.exit_code = code, .error = std::move(*text), .diagnostics = std::move(said)};
  return bug(name_, *text, std::move(said));
}

}  // namespace moesim
