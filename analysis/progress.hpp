// A line on the terminal that says how far a run of more than a second has come: steps done, rate,
// time left. It is rewritten in place and erased at the end; nothing of it is in any result.
#pragma once

#include <cstdint>
#include <cstdio>
#include <functional>
#include <string>

namespace moesim {

class Progress {
 public:
  // `clock` gives seconds. `shown` false: nothing is ever written.
  Progress(std::string what, bool shown, std::FILE* out = stderr,
           std::function<double()> clock = {});
  ~Progress();  // erases the line
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void update(std::int64_t done, std::int64_t total);

  // Whether a progress line makes sense: stderr is a terminal, and nobody asked for quiet.
  static bool wanted(bool quiet);

 private:
  std::string what_;
  bool shown_ = false;
  std::FILE* out_ = nullptr;
  std::function<double()> clock_;
  double start_ = 0;
  double next_ = 0;  // when the line is written again
  bool drawn_ = false;
};

}  // namespace moesim
