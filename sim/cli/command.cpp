#include "sim/cli/command.hpp"

namespace moesim {

std::map<std::string, Command>& commands() {
  static std::map<std::string, Command> all;
  return all;
}

}  // namespace moesim
