// What a sweep's file says, and the points that come of it.
#include "analysis/sweep/sweep_file.hpp"

#include <gmock/gmock.h>

#include "analysis/sweep/sweep_points.hpp"
#include "sim/base/yaml_flow.hpp"
#include "tests/support/mistakes.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moesim {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// The names of the points of a sweep with these keys.
std::vector<std::string> points(const std::string& text) {
  const TemporaryDirectory folder;
  write_file(folder / "base.yaml", "seed: 1\n");
  const auto path = written(folder / "s.yaml", "scenario: base.yaml\n" + text);
  std::vector<std::string> names;
  for (const SweepPoint& point : sweep_points(read_sweep_file(path.string(), "s.yaml")))
    names.push_back(point.name());
  return names;
}

std::string mistake(const std::string& text) {
  return mistake_of([&] { points(text); });
}

TEST(SweepFile, CombinesTheMatrixWithTheLastKeyFastest) {
  EXPECT_THAT(points("matrix: {a.b: [1, x], c: 0:4:2}"),
              ElementsAre("a.b=1, c=0", "a.b=1, c=2", "a.b=1, c=4", "a.b=x, c=0", "a.b=x, c=2",
                          "a.b=x, c=4"));
}

TEST(SweepFile, TakesSectionsRangesAndRangesInLists) {
  EXPECT_THAT(points("matrix:\n  placement: [lpt, {kind: eplb, redundant: 8}]"),
              ElementsAre("placement=lpt", "placement={kind: eplb, redundant: 8}"));
  EXPECT_THAT(points("matrix: {a: 1:16:x4}"), ElementsAre("a=1", "a=4", "a=16"));
  EXPECT_THAT(points("matrix: {a: [0, 1:2:1]}"), ElementsAre("a=0", "a=1", "a=2"));
  EXPECT_THAT(points("matrix: {a: x}"), ElementsAre("a=x"));
}

TEST(SweepFile, ExcludesWhatMatchesAllKeysOfAnEntry) {
  EXPECT_THAT(points("matrix: {a: [1, 2, 3], b: [x, y]}\nexclude:\n"
                     "  - {a: [1, 2.0], b: y}\n  - {a: 3, b: x}"),
              ElementsAre("a=1, b=x", "a=2, b=x", "a=3, b=y"));
}

TEST(SweepFile, IncludesKeysWhereAnEntryMatchesAndPointsWhereNoneDoes) {
  EXPECT_THAT(points("matrix: {a: [1, 2]}\ninclude: [{a: 2, c: z}, {a: 3}, {d: 7}]"),
              ElementsAre("a=1, d=7", "a=2, c=z, d=7", "a=3"));
  EXPECT_THAT(points("matrix: {a: [1]}\nlist: [{a: 2, b: 3}, {b: 4}]"),
              ElementsAre("a=1", "a=2, b=3", "b=4"));
}

TEST(SweepFile, ReadsSeeds) {
  const TemporaryDirectory folder;
  write_file(folder / "base.yaml", "seed: 1\n");
  const auto read = [&](const std::string& seeds) {
    const std::string text = "scenario: base.yaml\nmatrix: {a: 1}\nseeds: " + seeds + "\n";
    return read_sweep_file(written(folder / "s.yaml", text).string());
  };
  EXPECT_EQ(read("3").seed_count, 3);
  EXPECT_THAT(read("[7, 1, 42]").seeds, ElementsAre(7, 1, 42));
  EXPECT_EQ(read("3").name, "s");
}

TEST(SweepFile, PlacesEveryMistake) {
  EXPECT_THAT(mistake(""), HasSubstr("s.yaml:1:1: error: a sweep needs 'matrix' or 'list'"));
  EXPECT_THAT(mistake("matrix: {a: 9:1:1}"),
              HasSubstr("s.yaml:2:15: error: the range ends below its start"));
  EXPECT_THAT(mistake("matrix: {a: [1, 2, 1.0]}"),
              HasSubstr("s.yaml:2:20: error: 'a' has this value already"));
  EXPECT_THAT(mistake("matrix: {a: []}"), HasSubstr("s.yaml:2:13: error: 'a' has no values"));
  EXPECT_THAT(mistake("matrix: {seed: [1, 2]}"), HasSubstr("s.yaml:2:10: error: seeds are not"));
  EXPECT_THAT(mistake("matrix: {a: [1]}\nseeds: 0"), HasSubstr("s.yaml:3:8: error: seeds are"));
  EXPECT_THAT(mistake("set: {a: 2}\nmatrix: {a: [1]}"),
              HasSubstr("s.yaml:2:7: error: the matrix varies 'a'"));
  EXPECT_THAT(mistake("matrx: {a: [1]}"), HasSubstr("did you mean 'matrix'?"));
  EXPECT_THAT(mistake("matrix: {alpha: [1]}\nexclude: [{alpa: 1}]"),
              HasSubstr("s.yaml:3:12: error: 'alpa' is not a key of the matrix"));
  EXPECT_THAT(mistake("matrix: {a: [1]}\nexclude: [{a: 2}]"),
              HasSubstr("s.yaml:3:11: error: this excludes no point"));
  EXPECT_THAT(mistake("matrix: {a: [1]}\nexclude: [{a: 1}]"),
              HasSubstr("s.yaml:2:9: error: no point is left"));
  EXPECT_THAT(mistake("matrix: {a: [1]}\ninclude: [{a: 1}]"),
              HasSubstr("s.yaml:3:11: error: this includes what the matrix has already"));
  EXPECT_THAT(mistake("matrix: {a: [1]}\nlist: [{a: 2}, {a: 2}]"),
              HasSubstr("s.yaml:3:16: error: the point a=2 is there already"));
  const std::string all = mistake("matrix: {a: , b: []}\nlist: 5\nseeds: x");
  for (const char* part : {"s.yaml:2:10: error: 'a' has no value", "s.yaml:2:18: error: 'b' has",
                           "s.yaml:3:7: error: 'list' is a list", "s.yaml:4:8: error: seeds are"})
    EXPECT_THAT(all, HasSubstr(part));
}

TEST(SweepFile, SaysWhichScenarioIsNotThere) {
  const TemporaryDirectory folder;
  const auto path = written(folder / "s.yaml", "scenario: none.yaml\nmatrix: {a: 1}\n");
  EXPECT_THAT(mistake_of([&] { read_sweep_file(path.string(), "s.yaml"); }),
              HasSubstr("s.yaml:1:11: error: no file 'none.yaml'"));
}

}  // namespace
}  // namespace moesim
