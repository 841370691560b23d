// One table, shown in several ways.
#include "analysis/text_table.hpp"

#include <gmock/gmock.h>

#include <sstream>

#include "analysis/format.hpp"
#include "sim/base/csv.hpp"

namespace moesim {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TextCell best(TextCell cell) {
  cell.best = true;
  return cell;
}

// Names stay, costs may go first, then colours.
TextTable fruit() {
  TextTable table(
      {{"fruit"}, {"kg", true}, {.bar = true}, {"colour", false, 1}, {"cost", true, 2}});
  table.add({"apple", {"1.00", 1}, {"", 1}, "red", {"3.5", 3.5}});
  table.add({"fig", best({"0.50", 0.5}), {"", 0.5}, "a | b", {"7", 7}});
  return table;
}

std::size_t widest(const std::string& text) {
  std::size_t width = 0;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) width = std::max(width, display_width(line));
  return width;
}

TEST(TextTable, AlignsFiguresBesideTheMarkOfTheBest) {
  EXPECT_EQ(fruit().text(),
            "fruit    kg                         colour  cost\n"
            "apple  1.00   ████████████████████  red      3.5\n"
            "fig    0.50*  ██████████            a | b      7\n");
}

TEST(TextTable, GivesWayInTheStatedOrder) {
  // 5 + 2 + 5 + 2 + bar + 2 + 6 + 2 + 4: the whole with a bar of 20 is 48 columns wide.
  EXPECT_EQ(widest(fruit().text({.columns = 48})), 48u);
  const std::string short_bars = fruit().text({.columns = 40});
  EXPECT_EQ(widest(short_bars), 40u);
  EXPECT_THAT(short_bars, HasSubstr("cost"));
  // The shortest bar has 8 columns; one less, and the cost goes.
  EXPECT_THAT(fruit().text({.columns = 36}), HasSubstr("cost\n"));
  const std::string without_cost = fruit().text({.columns = 35});
  EXPECT_THAT(without_cost, HasSubstr("colour\n"));
  EXPECT_THAT(without_cost, HasSubstr("(no room for: cost)\n"));
  const std::string without_colour = fruit().text({.columns = 28});
  EXPECT_THAT(without_colour, Not(HasSubstr("colour\n")));
  EXPECT_THAT(without_colour, HasSubstr("█"));
  EXPECT_THAT(fruit().text({.columns = 20}), Not(HasSubstr("█")));
}

TEST(TextTable, NoLineIsWiderThanTheScreen) {
  TextTable table({{"name"}, {"what it is"}, {"figure", true}});
  table.add(
      {"exchange=hierarchical_dedup", "a text of several words that has to be broken", "1.2"});
  for (std::size_t columns = 40; columns <= 100; ++columns)
    EXPECT_LE(widest(table.text({.columns = columns})), columns);
  // Nothing is lost.
  const std::string narrow = table.text({.columns = 40});
  for (const char* word : {"several", "broken", "1.2"}) EXPECT_THAT(narrow, HasSubstr(word));
}

TEST(TextTable, SpeaksAsciiWhereTheScreenHasNoMore) {
  TextTable table({{"µs"}, {.bar = true}});
  table.add({"2 × 3", {"", 0.5}});
  EXPECT_EQ(table.text({.unicode = false}), "us\n2 x 3  ##########\n");
}

TEST(TextTable, ColoursChangeNoColumn) {
  std::string coloured = fruit().text({.colour = true});
  EXPECT_THAT(coloured, HasSubstr("\x1b[1m0.50*\x1b[0m"));
  for (std::size_t at; (at = coloured.find('\x1b')) != std::string::npos;)
    coloured.erase(at, coloured.find('m', at) - at + 1);
  std::istringstream plain(fruit().text()), lines(coloured);
  for (std::string one, other; std::getline(plain, one) && std::getline(lines, other);)
    EXPECT_EQ(one, other.substr(0, other.find_last_not_of(' ') + 1));
}

TEST(TextTable, ComesAsMarkdownWithoutItsBars) {
  EXPECT_EQ(fruit().markdown(),
            "| fruit | kg | colour | cost |\n|---|---:|---|---:|\n"
            "| apple | 1.00 | red | 3.5 |\n| fig | **0.50** | a \\| b | 7 |\n");
}

TEST(TextTable, ComesAsCsvWithNumbersThatReadBack) {
  TextTable table({{"name"}, {"share", true, 0, "share_of_step"}});
  table.add({"a, b", {"33.3 %", 1.0 / 3}});
  table.add({"none", {"–", std::numeric_limits<double>::quiet_NaN()}});
  EXPECT_EQ(table.csv(), "name,share_of_step\n\"a, b\",0.3333333333333333\nnone,\n");
}

TEST(Screen, TellsAUtf8LocaleByItsName) {
  for (const auto& [locale, is] : {std::pair{"C", false},
                                   {"POSIX", false},
                                   {"en_US.ISO-8859-1", false},
                                   {"C.UTF-8", true},
                                   {"de_DE.utf8", true}}) {
    setenv("LC_ALL", locale, 1);
    EXPECT_EQ(locale_is_utf8(), is) << locale;
  }
  unsetenv("LC_ALL");
}

}  // namespace
}  // namespace moesim
