// Two micro-batches on a compute stream, as lists of (batch part: what it comes after).
#include <gtest/gtest.h>

#include "sim/overlap/overlap.hpp"
#include "tests/support/plugin.hpp"

namespace moesim {
namespace {

using Lines = std::vector<std::string>;

Part kernel(const std::string& label) {
  return {{Compute{.time = PartTimes(2, KernelTime{.compute = Seconds(1)})}, label}};
}

LayerParts layer(const std::string& batch, int sms, bool decode) {
  return {.layer = 0,
          .decode = decode,
          .prepare = kernel(batch + " prepare"),
          .attention = kernel(batch + " attention"),
          .shared = kernel(batch + " shared"),
          .dispatch = {{Exchange{.sms = sms}, batch + " dispatch"}},
          .experts = kernel(batch + " experts"),
          .combine = {{Exchange{.sms = sms}, batch + " combine"}}};
}

// "<" marks a node of the fragment before.
Lines outline(const TaskGraph& graph, const TaskGraph& before) {
  Lines lines;
  for (const TaskNode& node : graph.nodes) {
    std::string line = node.label + ":";
    for (const int at : node.after_previous)
      line += " <" + before.nodes[static_cast<std::size_t>(at)].label;
    for (const int at : node.after) line += " " + graph.nodes[static_cast<std::size_t>(at)].label;
    lines.push_back(line);
  }
  return lines;
}

class TwoBatch : public ::testing::Test {
 protected:
  std::unique_ptr<Overlap> overlap = plugin<Overlap>("two_batch");
  Carried carried;
  TaskGraph add(int sms, bool decode) {
    return overlap->build({layer("A", sms, decode), layer("B", sms, decode)}, carried);
  }
};

TEST_F(TwoBatch, TakesTurnsSideBySideInPrefillWithOneCommunicationStream) {
  const TaskGraph first = add(20, false), second = add(20, false);
  EXPECT_EQ(
      outline(first, {}),
      (Lines{"A prepare:", "A attention: A prepare", "A dispatch: A attention",
             "B prepare: A attention", "B attention: B prepare",
             "B dispatch: B attention A dispatch", "A experts: A attention A dispatch B attention",
             "A combine: A experts B dispatch", "B experts: B attention B dispatch A experts",
             "B combine: B experts A combine", "A shared: A experts B experts",
             "B shared: B experts A shared"}));
  EXPECT_EQ(outline(second, first)[0], "A prepare: <A shared <A combine <B shared");
  EXPECT_EQ(outline(second, first)[3], "B prepare: <B shared <B combine A attention");
}

TEST_F(TwoBatch, LagsTwoStagesInDecodeWithExchangesThatTakeNoSms) {
  const TaskGraph first = add(0, true), second = add(0, true);
  EXPECT_EQ(
      outline(first, {}),
      (Lines{"A prepare:", "A attention: A prepare", "A dispatch: A attention",
             "A shared: A attention", "B prepare: A shared",
             "A experts: A shared A dispatch B prepare", "A combine: A experts",
             "B attention: B prepare A experts", "B dispatch: B attention", "B shared: B attention",
             "B experts: B shared B dispatch", "B combine: B experts"}));
  EXPECT_EQ(outline(second, first)[0], "A prepare: <A experts <A combine <B experts");
  EXPECT_TRUE(overlap->finish(carried).nodes.empty());
}

TEST_F(TwoBatch, JoinsBeforeALayerThatIsNotDivided) {
  const TaskGraph first = add(20, false);
  LayerParts dense{.prepare = kernel("prepare"), .dense = kernel("dense")};
  const TaskGraph whole = overlap->build({dense}, carried);
  EXPECT_EQ(outline(whole, first),
            (Lines{"prepare: <A shared <A combine <B shared <B combine", "dense: prepare"}));
  const TaskGraph third = add(20, false);
  EXPECT_EQ(outline(third, whole)[0], "A prepare: <dense");
  EXPECT_EQ(outline(third, whole)[3], "B prepare: <dense A attention");
}

TEST(TwoBatchSplit, CutsInHalfInDecodeAndBetweenPromptsInPrefill) {
  const auto tokens = [](const char* overlap, const Workload& work) {
    return plugin<Overlap>(overlap)->split(work).tokens;
  };
  const auto decode = WorkloadPhase::kDecode;
  EXPECT_EQ(tokens("two_batch", {.phase = decode, .tokens_per_gpu = 7, .context = 100}),
            (std::vector<int>{3, 4}));
  EXPECT_EQ(tokens("two_batch", {.phase = decode, .tokens_per_gpu = 1, .context = 100}),
            (std::vector<int>{1}));
  EXPECT_EQ(tokens("two_batch", {.tokens_per_gpu = 4000, .context = 1000}),
            (std::vector<int>{2000, 2000}));
  // Whole prompts would leave a third on one side: the cut is inside one.
  EXPECT_EQ(tokens("two_batch", {.tokens_per_gpu = 3000, .context = 1000}),
            (std::vector<int>{1500, 1500}));
  EXPECT_EQ(tokens("dbo", {.phase = decode, .tokens_per_gpu = 31, .context = 100}),
            (std::vector<int>{31}));
  EXPECT_EQ(tokens("dbo", {.phase = decode, .tokens_per_gpu = 32, .context = 100}),
            (std::vector<int>{16, 16}));
}

TEST(Pipelined, DispatchesTheNextPartWhileOnePartIsComputed) {
  const auto overlap = plugin<Overlap>("{kind: pipelined, degree: 2}");
  LayerParts first = layer("A", 0, false), second = layer("B", 0, false);
  for (Part LayerParts::*part : {&LayerParts::prepare, &LayerParts::attention, &LayerParts::shared})
    (second.*part).clear();
  Carried carried;
  EXPECT_EQ(outline(overlap->build({first, second}, carried), {}),
            (Lines{"A prepare:", "A attention: A prepare", "A shared: A attention",
                   "A dispatch: A shared", "B dispatch: A dispatch",
                   "A experts: A dispatch A shared", "A combine: A experts B dispatch",
                   "B experts: B dispatch A experts", "B combine: B experts A combine"}));
  const MicroBatches batches = overlap->split({.tokens_per_gpu = 5});
  EXPECT_EQ(batches.tokens, (std::vector<int>{2, 3}));
  EXPECT_FALSE(batches.attention);
}

TEST(FiveStage, StartsDispatchWithTheAttentionAndLagsTwoStages) {
  const auto overlap = plugin<Overlap>("five_stage");
  Carried carried;
  const TaskGraph first = overlap->build({layer("A", 0, true), layer("B", 0, true)}, carried);
  EXPECT_EQ(outline(first, {}),
            (Lines{"A prepare:", "A attention: A prepare", "A dispatch: A attention",
                   "A shared: A attention", "B prepare: A shared",
                   "A experts: A shared A dispatch B prepare", "A combine: A experts",
                   "B attention: B prepare A experts", "B dispatch: B attention",
                   "B shared: B attention"}));
  const TaskGraph second = overlap->build({layer("A", 0, true), layer("B", 0, true)}, carried);
  EXPECT_EQ(outline(second, first)[0], "A prepare: <A experts <A combine <B shared");
  const TaskGraph rest = overlap->finish(carried);
  EXPECT_EQ(outline(rest, second).back().substr(0, 9), "B combine");
}

// Two turns: their dispatches, then their combines on one stream, and the experts as they arrive.
TEST(FasterMoe, SendsAllTurnsBeforeItCombines) {
  const auto overlap = plugin<Overlap>("{kind: fastermoe, group: 4}");
  LayerParts first = layer("A", 0, false), second = layer("B", 0, false);
  for (Part LayerParts::*part : {&LayerParts::prepare, &LayerParts::attention, &LayerParts::shared})
    (second.*part).clear();
  Carried carried;
  EXPECT_EQ(outline(overlap->build({first, second}, carried), {}),
            (Lines{"A prepare:", "A attention: A prepare", "A shared: A attention",
                   "A dispatch: A shared", "B dispatch: A dispatch",
                   "A experts: A dispatch A shared", "B experts: B dispatch A experts",
                   "A combine: A experts B dispatch", "B combine: B experts A combine"}));
  EXPECT_EQ(overlap->split({.tokens_per_gpu = 5}).peer_group, 4);
}

// Shadows come after the last dispatch, before the first combine, which does not wait for what they
// compute; a copy that computes routes of others, it does.
TEST(FasterMoe, BroadcastsShadowsBetweenDispatchesAndCombines) {
  const auto overlap = plugin<Overlap>("{kind: fastermoe, group: 4}");
  LayerParts first = layer("A", 0, false), second = layer("B", 0, false);
  for (Part LayerParts::*part : {&LayerParts::prepare, &LayerParts::attention, &LayerParts::shared})
    (second.*part).clear();
  first.travelling = {.weights = {{Exchange{}, "weights"}}, .experts = kernel("A shadows")};
  second.travelling = {.experts = kernel("B copies"), .receive = true};
  Carried carried;
  EXPECT_EQ(
      outline(overlap->build({first, second}, carried), {}),
      (Lines{"A prepare:", "A attention: A prepare", "A shared: A attention",
             "A dispatch: A shared", "B dispatch: A dispatch", "A experts: A dispatch A shared",
             "B experts: B dispatch A experts", "weights: B dispatch",
             "A shadows: B experts weights", "B copies: A shadows B dispatch weights",
             "A combine: A experts weights", "B combine: B copies A combine"}));
}

double compute_of(const TaskNode& node) {
  return std::get<Compute>(node.operation).time[GpuId(0)].compute.value;
}

// Four blocks: the first takes 0.6 of up and a fourth of 0.4, then three blocks of the combine
// leave beside the rest.
TEST(SingleBatch, SendsTheResultsOfBlocksBesideTheProjectionsOfOthers) {
  const auto overlap = plugin<Overlap>("{kind: single_batch, blocks: 4, down_share: 0.4, sms: 3}");
  LayerParts parts = layer("A", 0, true);
  Exchange combine{.start_up = Seconds(5), .signals = true};
  combine.legs.push_back({.bytes = ByteMatrix(2, 2)});
  combine.legs.front().bytes(GpuId(0), GpuId(1)) = 10;
  parts.combine = {{combine, "A combine"}};
  Carried carried;
  const TaskGraph graph = overlap->build({parts}, carried);
  ASSERT_EQ(graph.nodes.size(), 8u);
  // Dispatch beside shared experts, then experts, combine, experts, combine.
  EXPECT_NEAR(compute_of(graph.nodes[4]), 0.7, 1e-12);
  EXPECT_EQ(graph.nodes[4].after, (std::vector<int>{2, 3}));
  EXPECT_EQ(graph.nodes[5].after, std::vector<int>{4});
  EXPECT_NEAR(compute_of(graph.nodes[6]), 0.3, 1e-12);
  EXPECT_EQ(graph.nodes[6].after, std::vector<int>{4});
  const auto& early = std::get<Exchange>(graph.nodes[5].operation);
  const auto& late = std::get<Exchange>(graph.nodes[7].operation);
  EXPECT_DOUBLE_EQ(early.legs.front().bytes(GpuId(0), GpuId(1)), 7.5);
  EXPECT_DOUBLE_EQ(late.legs.front().bytes(GpuId(0), GpuId(1)), 2.5);
  EXPECT_EQ(early.start_up, Seconds(5));
  EXPECT_EQ(late.start_up, Seconds(0));
  EXPECT_EQ(early.sms, 3);
  EXPECT_EQ(late.sms, 0);
  EXPECT_FALSE(early.signals);
  EXPECT_TRUE(late.signals);
  EXPECT_EQ(graph.nodes[7].after, std::vector<int>{6});
}

TEST(Joined, PutsTheSecondFragmentBehindTheExitsOfTheFirst) {
  TaskGraph first, second;
  first.add(kernel("a").front().operation, {}, "a");
  first.add(kernel("b").front().operation, {0}, "b");
  first.add(kernel("c").front().operation, {0}, "c");
  second.add(kernel("d").front().operation, {}, "d");
  second.add(kernel("e").front().operation, {0}, "e");
  second.nodes.back().after_previous = {1};
  EXPECT_EQ(outline(joined(first, second), {}), (Lines{"a:", "b: a", "c: a", "d: b c", "e: d b"}));
}

}  // namespace
}  // namespace moesim
