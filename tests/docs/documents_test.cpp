// The documents say what the program says: the reference of keys, and the output of commands.
#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <iterator>
#include <sstream>

#include "tests/support/program.hpp"

namespace moesim {
namespace {

std::vector<std::string> words_in(const std::string& line) {
  std::istringstream text(line);
  return {std::istream_iterator<std::string>(text), {}};
}

// The text with what `command` prints between the markers that name it.
std::string with_listing(const std::string& text, const std::string& command) {
  const std::string begin = "<!-- begin moesim " + command + " -->\n";
  const std::size_t from = text.find(begin), to = text.find("<!-- end moesim " + command + " -->");
  if (from == std::string::npos || to == std::string::npos) {
    ADD_FAILURE() << "no markers of " << command;
    return text;
  }
  const Session session = run_program(words_in(command));
  EXPECT_LE(session.exit_code, 1) << session.err;  // 1: a gate of `validate` fails
  return text.substr(0, from + begin.size()) + session.out + text.substr(to);
}

// The text with what the program prints below the commands of ```console blocks that run it.
std::string with_outputs(const std::string& text) {
  std::string whole;
  std::istringstream lines(text);
  bool inside = false, ours = false;
  int commands = 0;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("```") || line.starts_with("$ ")) ours = false;
    if (line.starts_with("```")) inside = line == "```console";
    if (!ours) whole += line + "\n";
    if (!inside || !(line.starts_with("$ build/moesim ") || line.starts_with("$ ./dev run ")))
      continue;
    std::vector<std::string> words = words_in(line.substr(2));
    words.erase(words.begin());
    const Session session = run_program(words);
    EXPECT_EQ(session.exit_code, 0) << line << "\n" << session.err;
    whole += session.out;
    ours = true;
    ++commands;
  }
  EXPECT_GE(commands, 3);
  return whole;
}

// `./dev docs` sets MOESIM_WRITE_DOCUMENTS: a document is then made right.
void expect_document(const std::string& name,
                     const std::function<std::string(const std::string&)>& made) {
  const std::filesystem::path path = std::filesystem::path(MOESIM_SOURCE_DIR) / name;
  const std::string text = file_text(path), right = made(text);
  if (std::getenv("MOESIM_WRITE_DOCUMENTS") != nullptr && !::testing::Test::HasFailure())
    write_file(path, right);
  else
    EXPECT_EQ(text, right) << "./dev docs writes it anew";
}

TEST(Documents, HoldTheReferenceOfEveryKey) {
  expect_document("scenarios/README.md",
                  [](const std::string& text) { return with_listing(text, "list --markdown"); });
}

TEST(Documents, HoldTheAccuracyTable) {
  expect_document("README.md", [](const std::string& text) {
    return with_listing(text, "validate --markdown");
  });
}

TEST(Documents, ShowWhatCommandsPrint) { expect_document("README.md", with_outputs); }

}  // namespace
}  // namespace moesim
