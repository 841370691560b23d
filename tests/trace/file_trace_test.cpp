#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <numeric>
#include <set>

#include "sim/trace/hdf5_writer.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/trace/collect.hpp"
#include "tests/trace/make_trace.hpp"

namespace moesim {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Top-1 of 8 experts in two layers; token t asks for t mod 8 in layer 0 and for 7 in layer 1.
// Tokens are of domain a, then b, then a, …, in turns of 256.
Collected long_trace(int tokens) {
  Collected trace;
  trace.header = numbered_header(8, 1, 2);
  trace.header.domains = {"a", "b"};
  trace.header.weights = FloatWidth::kSingle;
  TokenBatch batch{.tokens = tokens};
  for (int token = 0; token < tokens; ++token) {
    batch.ids.push_back(static_cast<std::int16_t>(token % 8));
    batch.ids.push_back(7);
    batch.weights.push_back(static_cast<float>(token));
    batch.weights.push_back(-1);
    batch.domains.push_back(static_cast<std::int16_t>(token / 256 % 2));
  }
  trace.token_batches.push_back(batch);
  return trace;
}

class FileTrace : public ::testing::Test {
 protected:
  std::unique_ptr<Trace> open(const Collected& trace, const MoeModel& model,
                              const std::string& keys = "") {
    trace.replay(*make_hdf5_writer(folder_ / "t.h5", {}));
    return make_trace("{kind: file, path: t.h5" + keys + "}", model, folder_.path());
  }
  std::string error(const Collected& trace, const MoeModel& model, const std::string& keys = "") {
    try {
      open(trace, model, keys);
    } catch (const InputError& error) {
      return error.what();
    }
    return "no error";
  }
  TemporaryDirectory folder_;
};

TEST_F(FileTrace, DealsTokensInOrderInStretchesAndStartsOver) {
  const auto trace = open(long_trace(10), routed_model(8, 1, 2), ", holdout: 0");
  const Routing first = route_of(*trace, 0, 0, {2, 4});
  EXPECT_THAT(first.ids, ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_THAT(first.weights, ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_EQ(first.counts(GpuId(0), ExpertId(1)), 1);
  EXPECT_EQ(first.counts(GpuId(1), ExpertId(1)), 0);
  EXPECT_THAT(route_of(*trace, 1, 0, {2, 4}).ids, ElementsAre(6, 7, 0, 1, 0, 1));
  EXPECT_THAT(route_of(*trace, 0, 1, {2, 4}).ids, ElementsAre(7, 7, 7, 7, 7, 7));
}

TEST_F(FileTrace, GivesTheRecordedCounts) {
  const auto trace = open(long_trace(160), routed_model(8, 1, 2), ", holdout: 0");
  const Routing routing = route_of(*trace, 0, 0, {80, 80}, RoutingDetail::kCounts);
  EXPECT_EQ(expert_load(routing.counts).raw(), std::vector<std::int64_t>(8, 20));
}

TEST_F(FileTrace, RepeatsLayersAndSaysSo) {
  const auto trace = open(long_trace(10), routed_model(8, 1, 5), ", holdout: 0");
  EXPECT_EQ(route_of(*trace, 0, 4, {3}).ids, route_of(*trace, 0, 0, {3}).ids);
  EXPECT_EQ(route_of(*trace, 0, 3, {3}).ids, route_of(*trace, 0, 1, {3}).ids);
  EXPECT_THAT(trace->notes(),
              ElementsAre("trace: the 2 recorded layers are repeated for the 5 of test"));
}

TEST_F(FileTrace, HoldsOutTheProfilingWindow) {
  // Blocks of 256: the eighth, tokens 1792 … 2047, is held out.
  Collected recorded = long_trace(2304);
  for (std::size_t token = 1792; token < 2048; ++token)
    recorded.token_batches[0].ids[2 * token] = 3;
  const auto trace = open(recorded, routed_model(8, 1, 2));
  EXPECT_THAT(trace->notes(), IsEmpty());
  const Routing replayed = route_of(*trace, 0, 0, {2048}, RoutingDetail::kCounts);
  EXPECT_EQ(expert_load(replayed.counts).raw(), std::vector<std::int64_t>(8, 256));
  const ExpertLoad window = trace->profile(2, std::vector<int>{100, 100}, Random(1));
  EXPECT_DOUBLE_EQ(window(LayerId(0), ExpertId(3)), 400);
  EXPECT_DOUBLE_EQ(window(LayerId(0), ExpertId(4)), 0);
  EXPECT_DOUBLE_EQ(window(LayerId(1), ExpertId(7)), 400);
  const std::vector<int> tokens{100, 100};
  const Routing routing = trace->profile_route(
      {.step = StepId(1), .layer = LayerId(0), .tokens = tokens, .detail = RoutingDetail::kIds});
  EXPECT_EQ(routing.counts(GpuId(1), ExpertId(3)), 100);
  EXPECT_EQ(routing.ids[0], 3);
}

TEST_F(FileTrace, SaysWhenItIsTooShortToHoldAnythingOut) {
  const auto trace = open(long_trace(100), routed_model(8, 1, 2));
  EXPECT_THAT(trace->notes(), ElementsAre("trace: too short to hold a profiling window out; "
                                          "offline placement sees what is replayed"));
  const ExpertLoad window = trace->profile(1, std::vector<int>{50}, Random(1));
  EXPECT_DOUBLE_EQ(window(LayerId(1), ExpertId(7)), 50);
}

TEST_F(FileTrace, ReplaysOnlyTheDomainsThatAreAskedFor) {
  const auto trace = open(long_trace(1024), routed_model(8, 1, 2), ", holdout: 0, domains: b");
  // Tokens 256 … 511, then 768 … 1023.
  const Routing routing = route_of(*trace, 0, 0, {257});
  EXPECT_EQ(routing.weights.front(), 256);
  EXPECT_EQ(routing.weights[256], 768);
  EXPECT_THAT(error(long_trace(16), routed_model(8, 1, 2), ", domains: [a, c]"),
              HasSubstr("'t.h5' has no domain 'c'"));
}

TEST_F(FileTrace, ShufflesTokensOnceForAllSeeds) {
  const auto trace = open(long_trace(1000), routed_model(8, 1, 2), ", order: shuffled, holdout: 0");
  const Routing routing = route_of(*trace, 0, 0, {1000});
  const std::set<float> tokens(routing.weights.begin(), routing.weights.end());
  EXPECT_EQ(tokens.size(), 1000u) << "every token once";
  EXPECT_FALSE(std::is_sorted(routing.weights.begin(), routing.weights.end()));
  EXPECT_EQ(route_of(*trace, 0, 0, {1000}, RoutingDetail::kIds, 9).ids, routing.ids);
}

TEST_F(FileTrace, ReplaysTokensWithLogitsWhereTheGateNeedsThem) {
  Collected recorded = full_trace();
  const auto trace = open(recorded, routed_model(5, 2, 2), ", holdout: 0");
  // Only the second token of the first batch has logits.
  const Routing routing = route_of(*trace, 0, 1, {1, 1}, RoutingDetail::kLogits);
  EXPECT_THAT(routing.logits, ElementsAre(4, 3, 2, 1, -1, 4, 3, 2, 1, -1));
  EXPECT_THAT(routing.ids, ElementsAre(1, 0, 1, 0));
}

TEST_F(FileTrace, WithoutLogitsRefusesAGateThatNeedsThem) {
  const auto trace = open(bare_trace(), routed_model(4, 2, 2), ", holdout: 0");
  EXPECT_THROW(route_of(*trace, 0, 0, {1}, RoutingDetail::kLogits), InputError);
}

TEST_F(FileTrace, ScalesCountsToTheTokensOfTheStep) {
  Collected counts = count_trace();
  counts.count_batches = {{.step = 0, .rank = 0, .counts = {4, 0, 2, 1, 1, 1}},
                          {.step = 0, .rank = 1, .counts = {2, 0, 1, 0, 0, 0}},
                          {.step = 1, .counts = {0, 9, 0, 1, 1, 1}}};
  const auto trace = open(counts, routed_model(3, 1, 2), ", holdout: 0");
  // Ranks together 6, 0, 3 of 9: for 12 tokens 8, 0, 4, dealt evenly.
  const Routing first = route_of(*trace, 0, 0, {6, 6});
  EXPECT_EQ(first.counts.raw(), (std::vector<int>{4, 0, 2, 4, 0, 2}));
  EXPECT_EQ(first.ids.size(), 12u);
  const Routing second = route_of(*trace, 1, 0, {6, 6}, RoutingDetail::kCounts);
  EXPECT_EQ(second.counts.raw(), (std::vector<int>{0, 6, 0, 0, 6, 0}));
  EXPECT_EQ(route_of(*trace, 2, 0, {6, 6}).ids, first.ids);
}

TEST_F(FileTrace, SaysWhatDoesNotFitTheModel) {
  EXPECT_EQ(error(bare_trace(), routed_model(8, 3, 2)),
            "test.yaml:1:27: error: 't.h5' has experts 4, but test has 8\n"
            "  trace: {kind: file, path: t.h5}\n"
            "                            ^\n"
            "  hint: replay it on the model it is from, or use a generated trace\n"
            "test.yaml:1:27: error: 't.h5' has top-k 2, but test has 3\n"
            "  trace: {kind: file, path: t.h5}\n"
            "                            ^\n"
            "  hint: replay it on the model it is from, or use a generated trace");
  written(folder_ / "text.h5", "not a trace");
  try {
    make_trace("{kind: file, path: text.h5}", routed_model(4, 2, 2), folder_.path());
    FAIL();
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("text.h5' is not an HDF5 file"));
    EXPECT_THAT(error.what(), HasSubstr("test.yaml:1:27"));
  }
}

}  // namespace
}  // namespace moesim
