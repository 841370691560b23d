#include "sim/base/check.hpp"

#include <fmt/format.h>

#include <string_view>

namespace moesim {

void fail_check(const char* condition, const std::string& why, const char* file, int line) {
  std::string_view name = file;
  if (auto at = name.rfind("/sim/"); at != std::string_view::npos) name.remove_prefix(at + 1);
  throw Bug(fmt::format("{}:{}: check failed: {} ({})", name, line, condition, why));
}

}  // namespace moesim
