// Runs another program to its end.
#pragma once

#include <string>
#include <vector>

namespace moesim {

struct ProgramEnd {
  int start_error = 0;  // errno; 0: it was started
  int exit_code = 0;    // 128 + the signal that ended it
  std::string text;     // what it printed, as far as it was asked for
};

enum class ProgramText { kNone, kOutput, kOutputAndErrors };

// `words`: the program, which is looked for in $PATH where it is no path, and its arguments. What
// is not asked for of its output goes where ours goes. An interrupt from the keyboard ends it even
// where we ignore that. Throws InputError where there can be no pipe.
ProgramEnd call_program(std::vector<std::string> words, ProgramText asked);

}  // namespace moesim
