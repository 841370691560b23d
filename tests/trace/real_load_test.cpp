#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "sim/trace/load_file.hpp"
#include "tests/support/shared_data.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/trace/make_trace.hpp"

namespace moesim {
namespace {

using ::testing::ElementsAre;

constexpr const char* kExact = "source_spread: 0, step_spread: 0";

// Expected shares of a layer, found from very many tokens with k = 1; exact to a few per mille.
std::vector<double> shares(const Trace& trace, int layer) {
  const Routing routing = route_of(trace, 0, layer, {100000000}, RoutingDetail::kCounts);
  std::vector<double> found;
  for (const int count : routing.counts.raw()) found.push_back(count / 1e8);
  return found;
}

std::string error_of(const std::function<void()>& act) {
  try {
    act();
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

TEST(RealLoad, TakesMeasuredLayersAsTheyAre) {
  const TemporaryDirectory folder;
  written(folder / "load.json", "[[10, 30, 60], [50, 50, 0]]");
  const auto trace = make_trace(std::string("{kind: real_load, path: load.json, ") + kExact + "}",
                                routed_model(3, 1, 2), folder.path());
  EXPECT_THAT(shares(*trace, 0),
              ElementsAre(::testing::DoubleNear(0.1, 1e-3), ::testing::DoubleNear(0.3, 1e-3),
                          ::testing::DoubleNear(0.6, 1e-3)));
  EXPECT_EQ(shares(*trace, 1)[2], 0);
  EXPECT_TRUE(trace->notes().empty());
}

TEST(RealLoad, InterpolatesByRankBetweenMeasuredLayers) {
  const TemporaryDirectory folder;
  written(folder / "load.json",
          R"({"cases": [{"model": "m", "domain": "d", "num_experts": 3, "topk": 1,
                   "layers": [0, 4], "counts_topk": [[60, 30, 10], [20, 0, 80]]}]})");
  const auto trace = make_trace(std::string("{kind: real_load, path: load.json, ") + kExact + "}",
                                routed_model(3, 1, 5), folder.path());
  // A quarter of the way from 0.6, 0.3, 0.1 to 0.8, 0.2, 0.0, whichever expert has which.
  std::vector<double> quarter = shares(*trace, 1);
  std::sort(quarter.begin(), quarter.end());
  EXPECT_THAT(quarter,
              ElementsAre(::testing::DoubleNear(0.075, 1e-3), ::testing::DoubleNear(0.275, 1e-3),
                          ::testing::DoubleNear(0.65, 1e-3)));
  EXPECT_THAT(trace->notes(),
              ElementsAre("trace: the popularity of 3 of 5 layers is interpolated between 2 "
                          "measured ones"));
}

TEST(RealLoad, AddsUpDomainsUnlessOneIsAskedFor) {
  const TemporaryDirectory folder;
  written(folder / "load.csv",
          "model,dataset,layer,expert,token_count\n"
          "m,a,0,0,10\nm,a,0,1,30\nm,b,0,0,50\nm,b,0,1,10\n");
  const std::string head = std::string("{kind: real_load, path: load.csv, ") + kExact;
  const auto both = make_trace(head + "}", routed_model(2, 1, 1), folder.path());
  EXPECT_NEAR(shares(*both, 0)[0], 0.6, 1e-3);
  EXPECT_THAT(both->notes(), ElementsAre("trace: the 2 domains of m are added up"));
  const auto one = make_trace(head + ", domain: a}", routed_model(2, 1, 1), folder.path());
  EXPECT_NEAR(shares(*one, 0)[0], 0.25, 1e-3);
}

TEST(RealLoad, SaysWhatDoesNotFit) {
  const TemporaryDirectory folder;
  written(folder / "load.json",
          R"({"cases": [{"model": "m", "domain": "d", "counts_topk": [[1, 2]]},
                             {"model": "n", "domain": "d", "counts_topk": [[1, 2]]}]})");
  const auto fit = [&](const std::string& keys, int experts) {
    return error_of([&] {
      make_trace("{kind: real_load, path: load.json" + keys + "}", routed_model(experts, 1, 1),
                 folder.path());
    });
  };
  EXPECT_EQ(fit("", 4),
            "test.yaml:1:32: error: 'load.json' was measured with 2 experts, but test has 4\n"
            "  trace: {kind: real_load, path: load.json}\n"
            "                                 ^");
  EXPECT_THAT(fit("", 2), ::testing::HasSubstr("'load.json' has several models with 2 experts"));
  EXPECT_THAT(fit(", domain: x", 2),
              ::testing::HasSubstr("no case of 'load.json' has this model and domain"));
  EXPECT_THAT(fit(", domain: x", 2), ::testing::HasSubstr("hint: model/domain: m/d, n/d"));
}

TEST(MeasuredLoads, AddUpSteps) {
  const TemporaryDirectory folder;
  const auto loads = read_measured_loads(
      written(folder / "sglang.json", R"({"logical_count": [[[1, 2]], [[3, 4]]]})"), "sglang.json");
  ASSERT_EQ(loads.size(), 1u);
  EXPECT_EQ(loads[0].counts.raw(), (std::vector<double>{4, 6}));
  const auto table = read_measured_loads(
      written(folder / "t.csv", "step,layer_id,expert_id,count\n0,3,0,1\n1,3,0,4\n1,3,1,6\n"),
      "t.csv");
  EXPECT_EQ(table[0].counts.raw(), (std::vector<double>{5, 6}));
  EXPECT_EQ(table[0].layers, std::vector<int>{3});
}

TEST(MeasuredLoads, PlaceTheirMistakes) {
  const TemporaryDirectory folder;
  const auto read = [&](const std::string& name, const std::string& content) {
    return error_of([&] { read_measured_loads(written(folder / name, content), name); });
  };
  EXPECT_EQ(read("a.json", "[[1, 2],\n [3, x]]"),
            "a.json:2:6: error: this is not JSON\n   [3, x]]\n       ^");
  EXPECT_EQ(read("b.json", "[[1, 2], [3]]"),
            "b.json: error: row 1 of the list has 1 experts, the first has 2");
  EXPECT_EQ(read("c.json", "[[0, 0]]"), "c.json: error: row 0 of the list has no counts");
  EXPECT_EQ(read("d.csv", "layer,expert,count\n0,0,5\n0,-1,5\n"),
            "d.csv:3:3: error: expert -1 is not in 0 .. 32767\n  0,-1,5\n    ^");
  EXPECT_EQ(read("e.csv", "layer,count\n"),
            "e.csv: error: the header has no column 'expert' or 'expert_id'\n"
            "  hint: columns: layer, count");
  EXPECT_EQ(read("f.csv", ""), "f.csv: error: the file is empty");
}

TEST(MeasuredLoads, OfOlmoeHaveTheImbalanceThatWasPublished) {
  MOESIM_NEEDS_SHARED(path, "real_expert_loads.json");
  const auto loads = read_measured_loads(path, "real_expert_loads.json");
  EXPECT_EQ(loads.size(), 9u);
  const auto book = std::find_if(loads.begin(), loads.end(), [](const MeasuredLoad& load) {
    return load.domain == "book" && load.counts.columns() == 64;
  });
  ASSERT_NE(book, loads.end());
  const auto row = book->counts.row(LayerId(0));
  EXPECT_DOUBLE_EQ(row[0], 1215);
  EXPECT_DOUBLE_EQ(std::accumulate(row.begin(), row.end(), 0.0), 208896.0 * 8);
}

}  // namespace
}  // namespace moesim
