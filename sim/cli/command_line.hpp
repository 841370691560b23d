// A command line as results keep it: what makes them again.
#pragma once

#include <string>
#include <vector>

namespace moesim {

class CommandLine {
 public:
  explicit CommandLine(const std::string& command) : text_("moesim " + command) {}
  // Results say nothing of the machine that made them: of an absolute path its name.
  CommandLine& file(const std::string& path);
  CommandLine& flag(const std::string& name, const std::string& value);
  CommandLine& flags(const std::string& name, const std::vector<std::string>& values);
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

}  // namespace moesim
