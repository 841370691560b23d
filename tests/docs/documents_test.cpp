// The documents say what the program says: the reference of keys, and the output of commands.
#include <gtest/gtest.h>

#include <sstream>

#include "tests/support/program.hpp"

namespace moesim {
namespace {

std::string document(const std::string& name) {
  return file_text(std::filesystem::path(MOESIM_SOURCE_DIR) / name);
}

std::string between(const std::string& text, const std::string& begin, const std::string& end) {
  const std::size_t from = text.find(begin);
  const std::size_t to = text.find(end);
  if (from == std::string::npos || to == std::string::npos) return {};
  return text.substr(from + begin.size(), to - from - begin.size());
}

struct Command {
  std::vector<std::string> words;
  std::string output;
};

// The commands of ```console blocks that run the program, with what stands below them.
std::vector<Command> commands_of(const std::string& text) {
  std::vector<Command> commands;
  std::istringstream lines(text);
  bool inside = false, ours = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("```")) {
      inside = line == "```console";
      ours = false;
    } else if (inside && line.starts_with("$ ")) {
      std::istringstream words(line.substr(2));
      Command command;
      for (std::string word; words >> word;) command.words.push_back(word);
      ours = command.words.front() == "build/moesim" ||
             (command.words.front() == "./dev" && command.words[1] == "run");
      command.words.erase(command.words.begin());
      if (ours) commands.push_back(command);
    } else if (inside && ours) {
      commands.back().output += line + "\n";
    }
  }
  return commands;
}

TEST(ScenariosReadme, HoldsTheReferenceOfEveryKey) {
  EXPECT_EQ(between(document("scenarios/README.md"), "<!-- begin moesim list --markdown -->\n",
                    "<!-- end moesim list --markdown -->"),
            run_program({"list", "--markdown"}).out)
      << "put the output of `build/moesim list --markdown` between the markers";
}

TEST(Readme, HoldsTheAccuracyTable) {
  EXPECT_EQ(between(document("README.md"), "<!-- begin moesim validate --markdown -->\n",
                    "<!-- end moesim validate --markdown -->"),
            run_program({"validate", "--markdown"}).out)
      << "put the output of `build/moesim validate --markdown` between the markers";
}

TEST(Readme, ShowsWhatItsCommandsPrint) {
  const std::vector<Command> commands = commands_of(document("README.md"));
  EXPECT_GE(commands.size(), 3u);
  for (const Command& command : commands) {
    const Session session = run_program(command.words);
    EXPECT_EQ(session.exit_code, 0) << session.err;
    EXPECT_EQ(session.out, command.output) << command.words.back();
  }
}

}  // namespace
}  // namespace moesim
