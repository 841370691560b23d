// The file of results: what is put in comes out, once, for good, and as CSV in one order.
#include "analysis/sweep/sweep_store.hpp"

#include <gmock/gmock.h>

#include <cmath>

#include "analysis/sweep/sweep_metrics.hpp"
#include "analysis/sweep/sweep_table.hpp"
#include "tests/support/mistakes.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moesim {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

SweepAim aim(int point, std::uint64_t seed, const std::string& run) {
  return {.point = point,
          .seed = seed,
          .name = "a=" + std::to_string(point),
          .parameters = "{\"a\":" + std::to_string(point) + "}",
          .run = run,
          .input_digest = "in-" + run};
}

SweepRecord record(const std::string& run, double value) {
  return {.run = run,
          .seed = 1,
          .program = "p",
          .input_digest = "in-" + run,
          .scenario = "{}",
          .details = "{}",
          .numbers = {{"tokens_per_s", value}, {"step_time_s.mean", 1 / value}}};
}

const SweepHeading kHeading = {.name = "s", .scenario = "base", .axes = {"a"}};

std::vector<std::string> statuses(const std::filesystem::path& path) {
  std::vector<std::string> all;
  for (const SweepRow& row : read_sweep(path).rows) all.push_back(row.status);
  return all;
}

TEST(SweepStore, GivesBackWhatWasPutToTheLastBit) {
  const TemporaryDirectory folder;
  const auto path = folder / "s.sqlite";
  {
    SweepStore store(path);
    store.set_aims(kHeading, {aim(1, 1, "r1"), aim(2, 1, "r2")});
    store.put(record("r2", 0.1 + 0.2));
  }
  const SweepTable table = read_sweep(path);
  EXPECT_EQ(table.name, "s");
  EXPECT_THAT(table.axes, ElementsAre("a"));
  ASSERT_EQ(table.rows.size(), 2u);
  EXPECT_EQ(table.rows[0].status, "missing");
  EXPECT_EQ(table.rows[1].status, "done");
  EXPECT_THAT(table.rows[1].values, ElementsAre("2"));
  const auto at = [&](const char* name) {
    return table.rows[1].metrics[*sweep_metric_index(name)];
  };
  EXPECT_EQ(at("tokens_per_s"), 0.1 + 0.2);
  EXPECT_EQ(at("step_time_s.mean"), 1 / (0.1 + 0.2));
  EXPECT_TRUE(std::isnan(at("mfu")));
}

TEST(SweepStore, WritesTheSameCsvInWhicheverOrderResultsCame) {
  const TemporaryDirectory folder;
  const auto csv = [&](const std::string& name, const std::vector<std::string>& order) {
    SweepStore store(folder / name);
    store.set_aims(kHeading, {aim(1, 1, "r1"), aim(1, 2, "r2"), aim(2, 1, "r3")});
    for (const std::string& run : order)
      store.put(run == "r3" ? SweepRecord{.run = "r3",
                                          .seed = 1,
                                          .exit_code = 2,
                                          .error = "f:1:2: error: no \"x\",\nhint",
                                          .program = "p",
                                          .input_digest = "in-r3"}
                            : record(run, run == "r1" ? 4 : 8));
    return sweep_csv(read_sweep(folder / name));
  };
  const std::string version = MOESIM_VERSION;
  const std::string text = csv("a", {"r1", "r2", "r3"});
  EXPECT_EQ(text,
            "point,seed,a,status,tokens_per_s,step_time_s.mean,exit_code,error,input_digest,"
            "moesim\n1,1,1,done,4,0.25,0,,in-r1," +
                version + "\n1,2,1,done,8,0.125,0,,in-r2," + version +
                "\n2,1,2,failed,,,2,\"f:1:2: error: no \"\"x\"\",\nhint\",in-r3," + version + "\n");
  EXPECT_EQ(text, csv("b", {"r3", "r2", "r1"}));
}

TEST(SweepStore, KeepsRunsThatTheSweepHasNoLonger) {
  const TemporaryDirectory folder;
  const auto path = folder / "s.sqlite";
  SweepStore store(path);
  store.set_aims(kHeading, {aim(1, 1, "r1"), aim(2, 1, "r2")});
  store.put(record("r1", 4));
  store.put(record("r2", 8));
  store.set_aims(kHeading, {aim(1, 1, "r2")});
  EXPECT_THAT(store.finished(), ElementsAre("r1", "r2"));
  EXPECT_THAT(statuses(path), ElementsAre("done"));
  store.set_aims(kHeading, {aim(1, 1, "r3"), aim(2, 1, "r1")});
  EXPECT_THAT(statuses(path), ElementsAre("missing", "done"));
}

TEST(SweepStore, MergesAnotherFileAndNothingTwice) {
  const TemporaryDirectory folder;
  SweepStore store(folder / "all.sqlite");
  store.set_aims(kHeading, {aim(1, 1, "r1"), aim(2, 1, "r2")});
  store.put(record("r1", 4));
  {
    SweepStore shard(folder / "shard.sqlite");
    shard.put(record("r1", 4));
    shard.put(record("r2", 8));
  }
  EXPECT_EQ(store.merge(folder / "shard.sqlite"), 1);
  EXPECT_EQ(store.merge(folder / "shard.sqlite"), 0);
  EXPECT_THAT(statuses(folder / "all.sqlite"), ElementsAre("done", "done"));
}

TEST(SweepStore, RunsFailedPointsAgainOnlyWhenAsked) {
  const TemporaryDirectory folder;
  SweepStore store(folder / "s.sqlite");
  store.put({.run = "r1", .exit_code = 70, .error = "crash", .program = "p", .input_digest = "i"});
  EXPECT_THAT(store.finished(), ElementsAre("r1"));
  store.forget_failed();
  EXPECT_THAT(store.finished(), ElementsAre());
}

TEST(SweepStore, RefusesFilesThatAreNotItsOwn) {
  const TemporaryDirectory folder;
  write_file(folder / "text", "this is no database, and it is longer than a header of one\n");
  EXPECT_THAT(mistake_of([&] { SweepStore store(folder / "text"); }),
              HasSubstr("text: error: is not an SQLite file"));
  Database(folder / "other", Database::Open::kCreate).run("CREATE TABLE mine (x)");
  EXPECT_THAT(mistake_of([&] { SweepStore store(folder / "other"); }),
              HasSubstr("is an SQLite file, but not of a sweep"));
  EXPECT_THAT(mistake_of([&] { read_sweep(folder / "other"); }),
              HasSubstr("no results of a sweep"));
  EXPECT_THAT(mistake_of([&] { read_sweep(folder / "none"); }), HasSubstr("cannot read the file"));
  SweepStore store(folder / "s.sqlite");
  store.set_aims(kHeading, {});
  EXPECT_THAT(mistake_of([&] { store.set_aims({.name = "t"}, {}); }),
              HasSubstr("holds the sweep 's', not 't'"));
}

// Means over the seeds that are done: 4 and 8 of point 1; none of point 2.
TEST(SweepTable, AveragesOverSeeds) {
  const TemporaryDirectory folder;
  SweepStore store(folder / "s.sqlite");
  store.set_aims(kHeading, {aim(1, 1, "r1"), aim(1, 2, "r2"), aim(2, 1, "r3")});
  store.put(record("r1", 4));
  store.put(record("r2", 8));
  const SweepTable table = read_sweep(folder / "s.sqlite");
  const auto means = sweep_means(table);
  ASSERT_EQ(means.size(), 2u);
  EXPECT_EQ(means[0].metrics[*sweep_metric_index("tokens_per_s")], 6);
  EXPECT_EQ(means[1].runs, 0);
  EXPECT_TRUE(std::isnan(means[1].metrics[*sweep_metric_index("tokens_per_s")]));
}

}  // namespace
}  // namespace moesim
