#include "sim/cli/command_line.hpp"

#include <filesystem>

#include "sim/base/shell_word.hpp"

namespace moesim {

CommandLine& CommandLine::file(const std::string& path) {
  const std::filesystem::path shown(path);
  text_ += " " + shell_word(shown.is_absolute() ? shown.filename().string() : path);
  return *this;
}

CommandLine& CommandLine::flag(const std::string& name, const std::string& value) {
  text_ += " " + name + " " + shell_word(value);
  return *this;
}

CommandLine& CommandLine::flags(const std::string& name, const std::vector<std::string>& values) {
  for (const std::string& value : values) flag(name, value);
  return *this;
}

}  // namespace moesim
