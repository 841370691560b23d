// MOESIM_CHECK: an assertion that stays on in release builds. A failure is a bug of moesim, never a
// user's mistake; `main` turns it into exit 70 with what to report.
#pragma once

#include <stdexcept>
#include <string>

namespace moesim {

class Bug : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

[[noreturn]] void fail_check(const char* condition, const std::string& why, const char* file,
                             int line);

}  // namespace moesim

#define MOESIM_CHECK(condition, why) \
  ((condition) ? void() : ::moesim::fail_check(#condition, why, __FILE__, __LINE__))
