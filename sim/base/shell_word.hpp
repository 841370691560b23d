// Words of command lines that we write for others to run.
#pragma once

#include <string>

namespace moesim {

// As one word of a POSIX shell: quoted where it must be.
std::string shell_word(const std::string& text);

}  // namespace moesim
