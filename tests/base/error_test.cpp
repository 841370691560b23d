#include "sim/base/error.hpp"

#include <gmock/gmock.h>

#include "sim/base/yaml.hpp"
#include "tests/support/mistakes.hpp"

namespace moesim {
namespace {

using ::testing::HasSubstr;

std::string format(const std::string& text, int line, int column) {
  return format_mistake({{text_source("a.yaml", text), line, column}, "wrong", ""});
}

TEST(FormatMistake, ShowsThePlaceTheLineACaretAndAHint) {
  const Spot spot{text_source("a.yaml", "first\nkey: value\n"), 2, 6};
  EXPECT_EQ(format_mistake({spot, "wrong", "do this"}),
            "a.yaml:2:6: error: wrong\n  key: value\n       ^\n  hint: do this");
}

TEST(FormatMistake, LeavesOutWhatItDoesNotKnow) {
  EXPECT_EQ(format_mistake({{}, "wrong", ""}), "error: wrong");
  EXPECT_EQ(format("text", 0, 0), "a.yaml: error: wrong");
  EXPECT_EQ(format("text", 7, 1), "a.yaml:7:1: error: wrong");  // beyond the end of the file
}

TEST(FormatMistake, CutsALongLineAroundTheCaret) {
  const std::string line = std::string(150, 'a') + "X" + std::string(150, 'b');
  EXPECT_EQ(format(line, 1, 151), "a.yaml:1:151: error: wrong\n  " + std::string(50, 'a') + "X" +
                                      std::string(49, 'b') + "\n  " + std::string(50, ' ') + "^");
  EXPECT_EQ(format(line, 1, 1), "a.yaml:1:1: error: wrong\n  " + std::string(100, 'a') + "\n  ^");
}

TEST(FormatMistake, KeepsTheCaretBelowItsCharacter) {
  EXPECT_EQ(format("äöü: x", 1, 9), "a.yaml:1:6: error: wrong\n  äöü: x\n       ^");
  EXPECT_EQ(format("\tx", 1, 2), "a.yaml:1:2: error: wrong\n   x\n   ^");
  std::string umlauts;
  for (int i = 0; i < 120; ++i) umlauts += "ä";
  EXPECT_EQ(format(umlauts, 1, 201).find("\n  ä"), 26u);  // no half character after the cut
}

TEST(Mistakes, ThrowsThemInTheOrderOfTheirPlaces) {
  const auto source = text_source("a.yaml", "x\ny\n");
  Mistakes mistakes;
  mistakes.add({source, 2, 1}, "second");
  mistakes.add({source, 1, 1}, "first");
  mistakes.add(InputError({source, 2, 3}, "third"));
  const std::string text = mistake_of([&] { mistakes.throw_if_any(); });
  EXPECT_LT(text.find("first"), text.find("second"));
  EXPECT_LT(text.find("second"), text.find("third"));
}

TEST(Mistakes, ShowsTwentyAndCountsTheRest) {
  Mistakes mistakes;
  const auto source = text_source("a.yaml", "x");
  for (int i = 1; i <= 21; ++i) mistakes.add({source, i, 1}, "number " + std::to_string(i));
  const std::string text = mistake_of([&] { mistakes.throw_if_any(); });
  EXPECT_THAT(text, HasSubstr("number 20"));
  EXPECT_EQ(text.find("number 21"), std::string::npos);
  EXPECT_TRUE(text.ends_with("\n(1 more mistake)"));
  mistakes.add({source, 30, 1}, "one more");
  EXPECT_THAT(mistake_of([&] { mistakes.throw_if_any(); }), HasSubstr("\n(2 more mistakes)"));
}

TEST(Mistakes, SaysTheSameThingOnce) {
  Mistakes mistakes;
  const auto source = text_source("a.yaml", "x");
  mistakes.add({source, 1, 1}, "wrong");
  mistakes.add({source, 1, 1}, "wrong");
  EXPECT_EQ(mistake_of([&] { mistakes.throw_if_any(); }), "a.yaml:1:1: error: wrong\n  x\n  ^");
}

TEST(Mistakes, NoneIsNoError) {
  EXPECT_EQ(mistake_of([] { Mistakes().throw_if_any(); }), "no error");
}

TEST(HintFor, NamesTheNearestOrListsAll) {
  const std::vector<std::string> known = {"linear", "round_robin", "eplb"};
  EXPECT_EQ(hint_for("linaer", known), "did you mean 'linear'?");  // neighbours swapped
  EXPECT_EQ(hint_for("roundrobin", known), "did you mean 'round_robin'?");
  EXPECT_EQ(hint_for("epbl", known), "did you mean 'eplb'?");
  EXPECT_EQ(hint_for("round", known), "did you mean 'round_robin'?");  // the beginning of one
  EXPECT_EQ(hint_for("random", known), "known: linear, round_robin, eplb");
  EXPECT_EQ(hint_for("x", {}), "");
}

}  // namespace
}  // namespace moesim
