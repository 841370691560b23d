#include "sim/base/yaml.hpp"

#include <gmock/gmock.h>

#include "tests/support/mistakes.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moesim {
namespace {

using ::testing::HasSubstr;

YamlNode parse(const std::string& text) { return parse_yaml(text_source("a.yaml", text)); }

std::string mistake_in_yaml(const std::string& text) {
  return mistake_of([&] { parse(text); });
}

std::string place(const Spot& spot) {
  return std::to_string(spot.line) + ":" + std::to_string(spot.column);
}

TEST(Yaml, EveryKeyAndValueKnowsItsPlace) {
  const YamlNode root = parse("name: x\nmodel:\n  layers: 12\n  list: [1, two]\n");
  EXPECT_EQ(place(root.entries[1].spot), "2:1");
  const YamlNode* model = root.find("model");
  EXPECT_EQ(place(model->find("layers")->spot), "3:11");
  EXPECT_EQ(model->find("layers")->text, "12");
  EXPECT_EQ(place(model->find("list")->items[1].spot), "4:13");
  EXPECT_EQ(root.find("absent"), nullptr);
}

TEST(Yaml, AnEmptyTextIsAnEmptyMap) {
  for (const char* text : {"", "# only a comment\n", "---\n"}) {
    EXPECT_TRUE(parse(text).is_map()) << text;
    EXPECT_TRUE(parse(text).entries.empty()) << text;
  }
}

TEST(Yaml, AnEmptyValueIsPlacedAtItsKey) {
  const YamlNode root = parse("a: 1\nplacement:\nb: ~\nc: null\nd: \"\"\n");
  EXPECT_EQ(root.find("placement")->kind, YamlNode::Kind::kNull);
  EXPECT_EQ(place(root.find("placement")->spot), "2:1");
  EXPECT_EQ(root.find("b")->kind, YamlNode::Kind::kNull);
  EXPECT_EQ(root.find("c")->kind, YamlNode::Kind::kNull);
  EXPECT_TRUE(root.find("d")->is_scalar());  // an empty text, because it is quoted
}

TEST(Yaml, QuotedScalarsAreTexts) {
  const YamlNode root = parse("a: \"5\"\nb: '5'\nc: 5\nd: !!str 5\n");
  EXPECT_TRUE(root.find("a")->quoted);
  EXPECT_TRUE(root.find("b")->quoted);
  EXPECT_FALSE(root.find("c")->quoted);
  EXPECT_TRUE(root.find("d")->quoted);
}

TEST(Yaml, ReportsEveryDuplicateKey) {
  EXPECT_EQ(mistake_in_yaml("a: 1\nb: {c: 1, c: 2}\na: 3\n"),
            "a.yaml:2:11: error: key 'c' is written twice\n"
            "  b: {c: 1, c: 2}\n"
            "            ^\n"
            "a.yaml:3:1: error: key 'a' is written twice\n"
            "  a: 3\n"
            "  ^");
}

TEST(Yaml, PlacesWhatIsNotClosedWhereItBegins) {
  EXPECT_EQ(mistake_in_yaml("a: [1, 2\nb: 3\n"),
            "a.yaml:1:4: error: this bracket is not closed\n  a: [1, 2\n     ^");
  EXPECT_EQ(mistake_in_yaml("a: {b: {c: 1}\n"),
            "a.yaml:1:4: error: this bracket is not closed\n  a: {b: {c: 1}\n     ^");
  EXPECT_EQ(mistake_in_yaml("a: 1\nb: \"text\n"),
            "a.yaml:2:4: error: this quote is not closed\n  b: \"text\n     ^");
  EXPECT_EQ(mistake_in_yaml("b: 'it''s\n"),
            "a.yaml:1:4: error: this quote is not closed\n  b: 'it''s\n     ^");
  EXPECT_EQ(mistake_in_yaml("b: \"a \\\" quote\"\nc: 'it''s'\n"), "no error");
}

TEST(Yaml, SaysThatATabCannotIndent) {
  EXPECT_EQ(mistake_in_yaml("model:\n\tlayers: 1\n"),
            "a.yaml:2:1: error: a tab cannot indent\n   layers: 1\n  ^\n  hint: use blanks");
  EXPECT_EQ(mistake_in_yaml("a:\t1\t# between tokens a tab is fine\n"), "no error");
}

TEST(Yaml, HelpsWithAColonOrAnIndentationThatIsOff) {
  EXPECT_THAT(mistake_in_yaml("a: b: c\n"), HasSubstr("a value with ': ' in it needs quotes"));
  EXPECT_EQ(mistake_in_yaml("a: 1\nb:2\nc: 3\n"),
            "a.yaml:2:2: error: a blank must follow this colon\n  b:2\n   ^");
  EXPECT_THAT(mistake_in_yaml("a: 1\n b: 2\n"), HasSubstr("a.yaml:2:3: error: not valid YAML"));
}

TEST(Yaml, ResolvesAnchorsAndPlacesThemAtTheAlias) {
  const YamlNode root = parse("a: &x {b: 1}\nc: *x\n");
  EXPECT_EQ(root.find("c")->find("b")->text, "1");
  EXPECT_EQ(place(root.find("c")->spot), "2:4");
  EXPECT_THAT(mistake_in_yaml("a: *nobody\n"), HasSubstr("a.yaml:1:4: error: not valid YAML"));
  EXPECT_THAT(mistake_in_yaml("a: &x {b: *x}\n"), HasSubstr("an alias inside of what it names"));
}

TEST(Yaml, RefusesAliasesThatGrowWithoutEnd) {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 9; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before;
    for (int copy = 1; copy < 10; ++copy) text += ", " + before;
    text += "]\n";
  }
  EXPECT_THAT(mistake_in_yaml(text), HasSubstr("the aliases make this text far too large"));
}

TEST(Yaml, KeysAreTexts) {
  EXPECT_THAT(mistake_in_yaml("? [a, b]\n: 1\n"),
              HasSubstr("a.yaml:1:3: error: a key must be a text"));
  EXPECT_THAT(mistake_in_yaml(": 1\n"), HasSubstr("a.yaml:1:1: error: a key must be a text"));
}

TEST(Yaml, OneTextIsOneDocument) {
  EXPECT_THAT(mistake_in_yaml("a: 1\n---\nb: 2\n"),
              HasSubstr("a.yaml:3:1: error: a second document"));
  EXPECT_EQ(mistake_in_yaml("---\na: 1\n...\n"), "no error");
}

TEST(Yaml, RefusesWhatIsNotText) {
  EXPECT_EQ(mistake_in_yaml("a: 1\n\x89HDF\n"),
            "a.yaml: error: is not UTF-8 text (line 2, byte 1)");
  EXPECT_EQ(mistake_in_yaml(std::string("a: \0b", 5)),
            "a.yaml: error: is not UTF-8 text (line 1, byte 4)");
  EXPECT_EQ(mistake_in_yaml("a: \xC3\xA4\xE2\x82\xAC\n"), "no error");
}

TEST(Yaml, CountsColumnsInCharacters) {
  EXPECT_EQ(mistake_in_yaml("ä: {ö: 1, ö: 2}\n"),
            "a.yaml:1:11: error: key 'ö' is written twice\n  ä: {ö: 1, ö: 2}\n            ^");
}

TEST(ReadSource, TakesWindowsLineEndsAndAByteOrderMark) {
  const TemporaryDirectory folder;
  write_file(folder / "a.yaml", "\xEF\xBB\xBFname: x\r\nb: 2\r\n");
  const auto source = read_source(folder / "a.yaml", "shown.yaml");
  EXPECT_THAT(source->lines, ::testing::ElementsAre("name: x", "b: 2"));
  EXPECT_EQ(source->name, "shown.yaml");
  EXPECT_EQ(source->directory, folder.path().string());
  EXPECT_EQ(parse_yaml(source).find("name")->text, "x");
}

TEST(ReadSource, SaysWhatIsWrongWithThePath) {
  const TemporaryDirectory folder;
  EXPECT_EQ(mistake_of([&] { read_source(folder / "absent.yaml", "absent.yaml"); }),
            "absent.yaml: error: cannot read the file");
  EXPECT_EQ(mistake_of([&] { read_source(folder.path(), "folder"); }),
            "folder: error: is a directory, not a file");
}

TEST(WriteYaml, ParsesBackToTheSameTree) {
  const std::string text =
      "name: \"5\"\n"
      "plain: text with blanks\n"
      "rate: 400 Gb/s\n"
      "negative: -3\n"
      "dash: \"- x\"\n"
      "colon: \"a: b\"\n"
      "hash: \"a #b\"\n"
      "backslash: \"a\\\\b \\\"c\\\"\"\n"
      "lines: \"one\\ntwo\\n\"\n"
      "nothing: ~\n"
      "empty: \"\"\n"
      "map: {}\n"
      "list: []\n"
      "\"odd: key\": 1\n"
      "nested:\n"
      "  numbers: [1, 2.5, ~, \"x, y\"]\n"
      "  maps:\n"
      "    -\n"
      "      a: 1\n"
      "      b: [2]\n"
      "    - [3, 4]\n"
      "    - []\n";
  const YamlNode root = parse(text);
  const std::string written = write_yaml(root);
  EXPECT_EQ(written, write_yaml(parse(written)));
  EXPECT_EQ(written, text);
  EXPECT_EQ(parse(written).find("lines")->text, "one\ntwo\n");
  EXPECT_EQ(parse(written).find("backslash")->text, "a\\b \"c\"");
}

}  // namespace
}  // namespace moesim
