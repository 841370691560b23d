// What STYLE.md asks of every file and a test can see.
#include <gtest/gtest.h>

#include "tests/style/source_files.hpp"

namespace moesim {
namespace {

TEST(Style, FilesStayUnderThreeHundredLines) {
  for (const SourceFile& file : source_files({".cpp", ".hpp"}))
    EXPECT_LT(file.lines.size(), 300u) << file.path;
}

TEST(Style, LinesStayWithinAHundredColumns) {
  for (const SourceFile& file : source_files({".cpp", ".hpp", ".cu", ".cuh"}))
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
      const std::string& line = file.lines[i];
      if (line.find("R\"(") != std::string::npos) continue;  // data cannot be broken
      const auto columns = std::count_if(line.begin(), line.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
      });
      EXPECT_LE(columns, 100) << file.path << ":" << i + 1;
    }
}

// The words are put together here, so that this file does not find itself.
TEST(Style, NothingIsLeftToDo) {
  const std::vector<std::string> words = {std::string("TO") + "DO", std::string("FIX") + "ME"};
  for (const SourceFile& file : source_files({".cpp", ".hpp", ".cu", ".cuh"}))
    for (std::size_t i = 0; i < file.lines.size(); ++i)
      for (const std::string& word : words)
        EXPECT_EQ(file.lines[i].find(word), std::string::npos)
            << file.path << ":" << i + 1 << ": " << file.lines[i];
}

TEST(Style, NoNamespaceIsOpenedWithUsing) {
  const std::string words = std::string("using ") + "namespace";
  for (const SourceFile& file : source_files({".cpp", ".hpp", ".cu", ".cuh"}))
    for (std::size_t i = 0; i < file.lines.size(); ++i)
      EXPECT_EQ(file.lines[i].find(words), std::string::npos)
          << file.path << ":" << i + 1 << ": " << file.lines[i];
}

TEST(Style, HeadersAreIncludedOnce) {
  for (const SourceFile& file : source_files({".hpp", ".cuh"})) {
    const auto guard = std::find(file.lines.begin(), file.lines.end(), "#pragma once");
    EXPECT_NE(guard, file.lines.end()) << file.path;
  }
}

TEST(Style, ProgramFilesOpenWithWhatTheyDo) {
  for (const SourceFile& file : source_files({".hpp"})) {
    if (file.path.starts_with("tests/")) continue;
    ASSERT_FALSE(file.lines.empty()) << file.path;
    EXPECT_TRUE(file.lines.front().starts_with("// ")) << file.path;
  }
}

}  // namespace
}  // namespace moesim
