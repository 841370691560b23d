#include "sim/base/text.hpp"

#include <gtest/gtest.h>

#include "sim/base/csv.hpp"
#include "tests/support/mistakes.hpp"

namespace moesim {
namespace {

TEST(NumberIn, IsTheWholeTextOrNone) {
  EXPECT_EQ(number_in("-1.5e3"), -1500);
  for (const char* none : {"", " 1", "1 ", "1x", "0x10", "nan", "inf", "1e999"})
    EXPECT_EQ(number_in(none), std::nullopt) << none;
}

TEST(CsvReader, ReadsATextAsItReadsAFile) {
  CsvReader csv(LineReader::of_text("name, value\na,1\n\r\nb,2.5", "table"));
  EXPECT_EQ(csv.header(), (std::vector<std::string>{"name", "value"}));
  ASSERT_TRUE(csv.next());
  EXPECT_EQ(csv.field(0), "a");
  ASSERT_TRUE(csv.next());
  EXPECT_EQ(csv.number(1), 2.5);
  EXPECT_FALSE(csv.next());
}

TEST(CsvReader, NamesTheTextAndThePlaceOfAMistake) {
  CsvReader csv(LineReader::of_text("a,b\n1,2\n3\n", "table"));
  ASSERT_TRUE(csv.next());
  EXPECT_EQ(mistake_of([&] { csv.next(); }),
            "table:3:1: error: 1 fields where the header has 2\n  3\n  ^");
  EXPECT_EQ(mistake_of([] { CsvReader(LineReader::of_text("", "table")); }),
            "table: error: the file is empty");
}

}  // namespace
}  // namespace moesim
