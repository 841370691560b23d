// One small scenario per mistake that a user may make, with the message it must give beside it:
// cases/NAME.yaml and cases/NAME.expected. A first line "# flags: --set a=b" adds flags; a file
// whose name begins with "sweep_" is a sweep, others are scenarios. A line of the expected text
// that ends in "…" is the beginning of one that other changes may lengthen.
#include <gmock/gmock.h>

#include <sstream>

#include "tests/support/program.hpp"

namespace moesim {
namespace {

namespace fs = std::filesystem;

const fs::path kCases = fs::path(MOESIM_SOURCE_DIR) / "tests/errors/cases";

std::vector<std::string> case_names() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(kCases))
    if (entry.path().extension() == ".yaml") names.push_back(entry.path().stem().string());
  std::sort(names.begin(), names.end());
  return names;
}

// The words after "# flags:" on the first line of the file.
std::vector<std::string> flags_of(const fs::path& file) {
  std::ifstream stream(file);
  std::string line, word;
  std::getline(stream, line);
  std::vector<std::string> flags;
  if (!line.starts_with("# flags:")) return flags;
  std::istringstream words(line.substr(8));
  while (words >> word) flags.push_back(word);
  return flags;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

// The text with the lines that are only begun in `expected` cut to what is expected of them.
std::string cut_like(const std::string& text, const std::string& expected) {
  const std::string open_end = "…";
  std::vector<std::string> lines = lines_of(text), pattern = lines_of(expected);
  std::string out;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const bool begun =
        i < pattern.size() && pattern[i].ends_with(open_end) &&
        lines[i].starts_with(pattern[i].substr(0, pattern[i].size() - open_end.size()));
    out += (begun ? pattern[i] : lines[i]) + "\n";
  }
  return out;
}

class UserMistake : public ::testing::TestWithParam<std::string> {};

TEST_P(UserMistake, GetsItsMessageAndWritesNothing) {
  const TemporaryDirectory folder;
  const std::string command = GetParam().starts_with("sweep_") ? "sweep" : "run";
  std::vector<std::string> arguments = {command, GetParam() + ".yaml", "-o", folder / "out"};
  for (const std::string& flag : flags_of(kCases / (GetParam() + ".yaml")))
    arguments.push_back(flag);
  const Session session = run_program(arguments, kCases);
  EXPECT_EQ(session.exit_code, 2);
  EXPECT_EQ(session.out, "");
  const std::string expected = file_text(kCases / (GetParam() + ".expected"));
  EXPECT_EQ(cut_like(session.err, expected), expected);
  EXPECT_THAT(names_in(folder.path()), ::testing::ElementsAre());
}

INSTANTIATE_TEST_SUITE_P(Cases, UserMistake, ::testing::ValuesIn(case_names()),
                         [](const auto& test) { return test.param; });

TEST(UserMistakes, AreMany) { EXPECT_GE(case_names().size(), 25u); }

}  // namespace
}  // namespace moesim
