#include "sim/base/parameter.hpp"

#include <gmock/gmock.h>

#include "sim/base/check.hpp"
#include "tests/support/mistakes.hpp"

namespace moesim {
namespace {

using ::testing::HasSubstr;
using Type = ParameterType;

const std::vector<Parameter> kParameters = {
    {.name = "count", .type = Type::kInteger, .doc = "how many", .required = true, .minimum = 1},
    {.name = "factor",
     .type = Type::kNumber,
     .doc = "a ratio",
     .fallback = "1.25",
     .minimum = 0,
     .maximum = 10,
     .above_minimum = true},
    {.name = "exact", .type = Type::kFlag, .doc = "or not", .fallback = "false"},
    {.name = "order",
     .type = Type::kChoice,
     .doc = "in which order",
     .fallback = "position",
     .choices = {"position", "probs"}},
    {.name = "latency", .type = Type::kTime, .doc = "one way", .fallback = "2 us"},
    {.name = "rate", .type = Type::kRate, .doc = "payload"},
    {.name = "loads", .type = Type::kNumbers, .doc = "of experts", .minimum = 0},
    {.name = "names", .type = Type::kTexts, .doc = "of files"},
    {.name = "label", .type = Type::kText, .doc = "shown"},
    {.name = "rest", .type = Type::kTree, .doc = "read elsewhere"},
};

Arguments read(const std::string& text) {
  Mistakes mistakes;
  const YamlNode root = parse_yaml(text_source("a.yaml", "s: " + text));
  Arguments arguments =
      read_arguments(*root.find("s"), kParameters, mistakes, "section 's'", {"kind"});
  mistakes.throw_if_any();
  return arguments;
}

std::string mistake_in_arguments(const std::string& text) {
  return mistake_of([&] { read(text); });
}

// The first line of the message, without its place.
std::string short_mistake(const std::string& text) {
  const std::string whole = mistake_in_arguments(text);
  const std::size_t begin = whole.find("error: ");
  if (begin == std::string::npos) return whole;
  return whole.substr(begin + 7, whole.find('\n') - begin - 7);
}

TEST(ReadArguments, ReadsValuesAndFillsInDefaults) {
  const Arguments arguments = read(
      "{kind: x, count: 3, exact: true, rate: 400 Gb/s, loads: [1, 2.5], names: one, label: 7,"
      " rest: {a: 1}}");
  EXPECT_EQ(arguments.integer("count"), 3);
  EXPECT_DOUBLE_EQ(arguments.number("factor"), 1.25);
  EXPECT_TRUE(arguments.flag("exact"));
  EXPECT_EQ(arguments.text("order"), "position");
  EXPECT_DOUBLE_EQ(arguments.time("latency").value, 2e-6);
  EXPECT_DOUBLE_EQ(arguments.rate("rate").value, 50e9);
  EXPECT_THAT(arguments.numbers("loads"), ::testing::ElementsAre(1, 2.5));
  EXPECT_THAT(arguments.texts("names"), ::testing::ElementsAre("one"));
  EXPECT_EQ(arguments.text("label"), "7");
  EXPECT_TRUE(arguments.tree("rest").is_map());
}

TEST(ReadArguments, KnowsWhatWasWrittenAndWhere) {
  const Arguments arguments = read("{count: 3}");
  EXPECT_TRUE(arguments.given("count"));
  EXPECT_FALSE(arguments.given("factor"));
  EXPECT_TRUE(arguments.has("factor"));
  EXPECT_FALSE(arguments.has("rate"));
  EXPECT_EQ(arguments.spot("count").column, 12);
  EXPECT_EQ(arguments.spot("factor").column, 4);  // that of the section
  EXPECT_THROW(arguments.number("rate"), Bug);
}

TEST(ReadArguments, NamesTheNearestKnownKey) {
  EXPECT_EQ(mistake_in_arguments("{count: 1, facter: 2}"),
            "a.yaml:1:15: error: section 's' has no key 'facter'\n"
            "  s: {count: 1, facter: 2}\n"
            "                ^\n"
            "  hint: did you mean 'factor'?");
  EXPECT_THAT(mistake_in_arguments("{count: 1, zzz: 2}"),
              HasSubstr("hint: known: count, factor, exact"));
}

TEST(ReadArguments, SaysWhatIsMissing) {
  EXPECT_EQ(mistake_in_arguments("{}"),
            "a.yaml:1:4: error: section 's' needs 'count'\n  s: {}\n     ^\n  hint: how many");
}

TEST(ReadArguments, HoldsValuesAgainstTheirRange) {
  EXPECT_EQ(short_mistake("{count: 0}"), "count must be at least 1");
  EXPECT_EQ(short_mistake("{count: -4}"), "count must be at least 1");
  EXPECT_EQ(short_mistake("{count: 1, factor: 0}"), "factor must be above 0");
  EXPECT_EQ(short_mistake("{count: 1, factor: 10}"), "no error");
  EXPECT_EQ(short_mistake("{count: 1, factor: 10.5}"), "factor must be at most 10");
  EXPECT_EQ(short_mistake("{count: 1, loads: [1, -1]}"), "loads must be at least 0");
}

TEST(ReadArguments, HoldsValuesAgainstTheirType) {
  EXPECT_EQ(short_mistake("{count: 1.5}"), "count must be a whole number");
  EXPECT_EQ(short_mistake("{count: 1e10}"), "count must be a whole number below 2147483648");
  EXPECT_EQ(short_mistake("{count: 1e3}"), "no error");
  EXPECT_EQ(short_mistake("{count: \"3\"}"), "count is a number: leave the quotes out");
  EXPECT_EQ(short_mistake("{count: three}"), "'three' is not a number");
  EXPECT_EQ(short_mistake("{count: [3]}"), "count takes one value (integer)");
  EXPECT_EQ(short_mistake("{count: {a: 3}}"), "count takes one value (integer)");
  EXPECT_EQ(short_mistake("{count: }"), "count has no value");
  EXPECT_EQ(short_mistake("{count: 1, exact: yes}"), "exact must be true or false");
  EXPECT_EQ(short_mistake("{count: 1, order: prob}"), "order cannot be 'prob'");
  EXPECT_EQ(short_mistake("{count: 1, label: [a]}"), "label takes one value (text)");
  EXPECT_EQ(short_mistake("{count: 1, names: {a: b}}"), "names takes one value (list of texts)");
  EXPECT_EQ(short_mistake("{count: 1, loads: [[1]]}"), "loads takes one value (list of numbers)");
}

TEST(ReadArguments, ASectionIsAMap) {
  EXPECT_EQ(short_mistake("[1]"), "section 's' must be a section of keys and values");
  EXPECT_THAT(mistake_in_arguments("count:3"), HasSubstr("hint: a blank must follow the colon"));
  EXPECT_EQ(short_mistake(""), "section 's' needs 'count'");  // empty, so all is missing
}

TEST(ReadArguments, ReportsAllMistakesOfASectionInTheOrderOfTheirPlaces) {
  const std::string all = mistake_in_arguments("{exact: 1, count: 0, bad: 2, rate: 5}");
  const std::vector<std::string> expected = {"1:12: error: exact", "1:22: error: count",
                                             "1:25: error: section", "1:39: error: '5' has no"};
  std::size_t at = 0;
  for (const std::string& text : expected) {
    const std::size_t found = all.find(text);
    ASSERT_NE(found, std::string::npos) << text << "\n" << all;
    EXPECT_GE(found, at);
    at = found;
  }
}

TEST(ResolvedSection, WritesDefaultsOutInTheOrderOfDeclaration) {
  EXPECT_EQ(write_yaml(resolved_section(read("{rate: 50 GB/s, count: 3}"), kParameters)),
            "count: 3\nfactor: 1.25\nexact: false\norder: position\nlatency: 2 us\n"
            "rate: 50 GB/s\n");
}

double quantity(const std::string& text, Type type) { return parse_quantity(text, type, {}); }

std::string quantity_mistake(const std::string& text, Type type) {
  return mistake_of([&] { quantity(text, type); });
}

TEST(ParseQuantity, KnowsItsUnits) {
  EXPECT_DOUBLE_EQ(quantity("2 us", Type::kTime), 2e-6);
  EXPECT_DOUBLE_EQ(quantity("2 µs", Type::kTime), 2e-6);
  EXPECT_DOUBLE_EQ(quantity("2 \u03bcs", Type::kTime), 2e-6);
  EXPECT_DOUBLE_EQ(quantity("1.5 h", Type::kTime), 5400);
  EXPECT_DOUBLE_EQ(quantity("9.5 ps", Type::kTime), 9.5e-12);
  EXPECT_DOUBLE_EQ(quantity("141 GB", Type::kSize), 141e9);
  EXPECT_DOUBLE_EQ(quantity("1 KiB", Type::kSize), 1024);
  EXPECT_DOUBLE_EQ(quantity("400 Gb/s", Type::kRate), 50e9);
  EXPECT_DOUBLE_EQ(quantity("450GB/s", Type::kRate), 450e9);
  EXPECT_DOUBLE_EQ(quantity("4.8 TB/s", Type::kRate), 4.8e12);
  EXPECT_DOUBLE_EQ(quantity("989 TFLOP/s", Type::kSpeed), 989e12);
  EXPECT_DOUBLE_EQ(quantity("1e-3 s", Type::kTime), 1e-3);
  EXPECT_DOUBLE_EQ(quantity("-1 ms", Type::kTime), -1e-3);
}

TEST(ParseQuantity, RefusesABareNumberAndAnotherUnit) {
  EXPECT_EQ(quantity_mistake("5", Type::kTime),
            "error: '5' has no unit\n  hint: write for example 2 us");
  EXPECT_EQ(quantity_mistake("0", Type::kSize),
            "error: '0' has no unit\n  hint: write for example 141 GB");
  EXPECT_EQ(quantity_mistake("5 GB", Type::kTime).substr(0, 42),
            "error: 'GB' is not a unit of time\n  hint: ");
  EXPECT_EQ(quantity_mistake("400 Gb", Type::kRate),
            "error: 'Gb' is not a unit of rate\n  hint: did you mean 'Gb/s'?");
  EXPECT_EQ(quantity_mistake("fast", Type::kRate),
            "error: 'fast' is not a number with a unit\n"
            "  hint: write for example 450 GB/s or 400 Gb/s");
}

TEST(ParseNumber, IsDecimalAndFinite) {
  const auto number = [](const std::string& text) { return parse_number(text, {}); };
  EXPECT_DOUBLE_EQ(number("+2.5e3"), 2500);
  EXPECT_DOUBLE_EQ(number("0.5"), 0.5);
  EXPECT_DOUBLE_EQ(number("-0.5"), -0.5);
  EXPECT_DOUBLE_EQ(number("0"), 0);
  EXPECT_DOUBLE_EQ(number("1e05"), 100000);
  for (const char* text : {"010", "-007", "00", "00.5"})
    EXPECT_THAT(mistake_of([&] { number(text); }), HasSubstr("has a leading zero")) << text;
  for (const char* text : {"nan", "inf", "-inf", "1e999", "", "-", "+-5", "abc", "--1"})
    EXPECT_THAT(mistake_of([&] { number(text); }), HasSubstr("is not a number")) << text;
  EXPECT_THAT(mistake_of([&] { number("5 us"); }), HasSubstr("takes no unit (here: 'us')"));
  EXPECT_THAT(mistake_of([&] { number("0x10"); }), HasSubstr("'0x10' is not a number"));
  EXPECT_THAT(quantity_mistake("010 us", Type::kTime), HasSubstr("has a leading zero"));
}

}  // namespace
}  // namespace moesim
