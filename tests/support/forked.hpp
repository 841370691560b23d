// SimGrid allows one simulation in a process: a test that needs several runs each in a child.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <functional>
#include <stdexcept>
#include <vector>

namespace moesim {

// The numbers that `work` returned in a child process, bit for bit. Throws where the child fails.
inline std::vector<double> in_child(const std::function<std::vector<double>()>& work) {
  int ends[2];
  if (pipe(ends) != 0) throw std::runtime_error("no pipe");
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    int status = 0;
    try {
      const std::vector<double> numbers = work();
      const char* bytes = reinterpret_cast<const char*>(numbers.data());
      for (std::size_t left = numbers.size() * sizeof(double); left > 0;) {
        const ssize_t wrote = write(ends[1], bytes, left);
        if (wrote <= 0) break;
        bytes += wrote;
        left -= static_cast<std::size_t>(wrote);
      }
    } catch (const std::exception& error) {
      std::fprintf(stderr, "in the child: %s\n", error.what());
      status = 1;
    }
    _exit(status);
  }
  close(ends[1]);
  std::vector<double> numbers;
  for (double number = 0; read(ends[0], &number, sizeof number) == sizeof number;)
    numbers.push_back(number);
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) throw std::runtime_error("the child failed");
  return numbers;
}

}  // namespace moesim
