#include "sim/calibration/measured_table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <filesystem>
#include <fstream>

#include "sim/base/csv.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moesim {
namespace {
namespace fs = std::filesystem;

fs::path temporary(const std::string& name) { return process_folder().path() / name; }

fs::path written(const std::string& name, const std::string& text) {
  std::ofstream(temporary(name)) << text;
  return temporary(name);
}

std::string message_of(const fs::path& file) {
  try {
    MeasuredTable::read(file).number(0, "n");
  } catch (const InputError& error) {
    return error.what();
  }
  return "no mistake";
}

TEST(MeasuredTable, ReadsPlainAndGzippedAlike) {
  const std::string text = "system,n\nH200,1.5\nH100,2e3\n";
  const fs::path packed = temporary("table.csv.gz");
  gzFile file = gzopen(packed.c_str(), "wb");
  gzputs(file, text.c_str());
  gzclose(file);
  for (const fs::path& path : {written("table.csv", text), packed}) {
    const MeasuredTable table = MeasuredTable::read(path);
    ASSERT_EQ(table.rows(), 2U);
    EXPECT_EQ(table.text(1, "system"), "H100");
    EXPECT_DOUBLE_EQ(table.number(0, "n"), 1.5);
    EXPECT_EQ(table.integer(1, "n"), 2000);
    EXPECT_EQ(table.text(0, "absent"), "");
  }
}

TEST(MeasuredTable, KeepsCommasAndQuotesOfQuotedFields) {
  const MeasuredTable table =
      MeasuredTable::read(written("quoted.csv", "a,b\r\n\"1, \"\"2\"\"\",3\r\n"));
  EXPECT_EQ(table.text(0, "a"), "1, \"2\"");
  EXPECT_EQ(csv_field(table.text(0, "a")), "\"1, \"\"2\"\"\"");
}

TEST(MeasuredTable, NamesTheLineOfAMistake) {
  EXPECT_THAT(message_of(written("short.csv", "n,b\n1,2\n3\n")),
              ::testing::HasSubstr("short.csv:3:1: error: the row has 1 fields, the header 2"));
  EXPECT_THAT(message_of(written("word.csv", "n,b\nfast,2\n")),
              ::testing::HasSubstr("word.csv:2:1: error: 'fast' in column n is not a number"));
  EXPECT_THAT(message_of(temporary("no_such.csv")), ::testing::HasSubstr("cannot read the file"));
}

}  // namespace
}  // namespace moesim
