// Schedules against their published bubbles and activations (policies.md 4.4).
#include <gtest/gtest.h>

#include <map>

#include "tests/schedule/schedule_times.hpp"

namespace moesim {
namespace {

struct Case {
  std::string section;
  int stages = 1, micro_batches = 1;
};

const std::vector<Case>& cases() {
  static const std::vector<Case> all = [] {
    std::vector<Case> made;
    for (const auto& [stages, batches] : {std::pair(1, 3), {2, 4}, {4, 8}, {4, 20}, {8, 16}}) {
      for (const char* kind :
           {"gpipe", "one_f_one_b", "zero_bubble", "{kind: one_f_one_b, overlapped: true}"})
        made.push_back({kind, stages, batches});
      if (batches % stages == 0) {
        made.push_back({"{kind: interleaved, virtual_stages: 2}", stages, batches});
        made.push_back({"{kind: interleaved, virtual_stages: 3}", stages, batches});
      }
      if (stages > 1) made.push_back({"dualpipe", stages, batches});
    }
    return made;
  }();
  return all;
}

TEST(Schedules, RunEveryPassOnceAndNoneForEver) {
  for (const auto& [section, stages, batches] : cases()) {
    SCOPED_TRACE(section + " " + std::to_string(stages) + " " + std::to_string(batches));
    const auto schedule = plugin<PipelineSchedule>(section);
    EXPECT_EQ(schedule->mistake(stages, batches), "");
    const auto all = schedule->operations(stages, batches);
    ASSERT_EQ(all.size(), static_cast<std::size_t>(stages));
    EXPECT_EQ(stage_ends(schedule->shape(stages), all, {}).size(), all.size());
    for (const StageOperations& stage : all) {
      std::map<ChunkPass, int> forward, input, weight;
      for (const StageOperation& operation : stage) {
        if (goes_forward(operation)) ++forward[operation.pass];
        if (const auto back = goes_back(operation)) {
          ++input[*back];
          EXPECT_EQ(forward[*back], 1) << "no backward pass comes before its forward pass";
        }
        if (operation.kind == PassKind::kBackward) ++weight[operation.pass];
        if (operation.kind == PassKind::kForwardAndBackward) ++weight[operation.backward];
        if (operation.kind != PassKind::kBackwardWeight) continue;
        ++weight[operation.pass];
        EXPECT_EQ(input[operation.pass], 1) << "gradients of inputs come first";
      }
      const int chunks = schedule->both_ways() ? 1 : schedule->chunks();
      for (const auto* passes : {&forward, &input, &weight}) {
        EXPECT_EQ(passes->size(), static_cast<std::size_t>(batches * chunks));
        for (const auto& [pass, count] : *passes) EXPECT_EQ(count, 1);
      }
    }
  }
}

TEST(Schedules, HaveThePublishedBubbles) {
  for (const PassTimes t : {PassTimes{1, 1, 1}, {2, 3, 1}, {1, 1.5, 0.5}}) {
    const double f = t.forward, b = t.input + t.weight, w = t.weight;
    for (const auto& [p, m] : {std::pair(1, 4), {2, 4}, {4, 8}, {4, 12}, {8, 16}}) {
      EXPECT_NEAR(bubble_of("gpipe", p, m, t), (p - 1) * (f + b), 1e-9);
      EXPECT_NEAR(bubble_of("one_f_one_b", p, m, t), (p - 1) * (f + b), 1e-9);
      EXPECT_NEAR(bubble_of("{kind: one_f_one_b, overlapped: true}", p, m, t), (p - 1) * (f + b),
                  1e-9);
      EXPECT_NEAR(bubble_of("zero_bubble", p, m, t), (p - 1) * (f + b - 2 * w), 1e-9);
      for (const int v : {2, 4}) {
        const PassTimes chunk{f / v, t.input / v, w / v};
        EXPECT_NEAR(bubble_of("{kind: interleaved, virtual_stages: " + std::to_string(v) + "}", p,
                              m, chunk),
                    (p - 1) * (f + b) / v, 1e-9);
      }
    }
  }
}

TEST(Schedules, LeaveDualPipeThePublishedBubbleWhereAllPassesAreAsLong) {
  const double pair = 3, backward = 2, weight = 1;
  for (const auto& [p, m] : {std::pair(2, 4), {4, 8}, {4, 20}, {8, 16}})
    EXPECT_NEAR(bubble_of("dualpipe", p, m, {}), (p / 2 - 1) * (pair + backward - 3 * weight),
                1e-9);
}

std::vector<int> in_flight(const std::string& section, int stages, int micro_batches) {
  std::vector<int> all;
  for (const auto& stage : plugin<PipelineSchedule>(section)->operations(stages, micro_batches))
    all.push_back(passes_in_flight(stage));
  return all;
}

TEST(Schedules, KeepAsManyActivationsAsPublished) {
  EXPECT_EQ(in_flight("gpipe", 4, 8), (std::vector{8, 8, 8, 8}));
  EXPECT_EQ(in_flight("one_f_one_b", 4, 8), (std::vector{4, 3, 2, 1}));
  EXPECT_EQ(in_flight("zero_bubble", 4, 8), (std::vector{4, 4, 4, 4}));
  EXPECT_EQ(in_flight("dualpipe", 4, 8), (std::vector{5, 5, 5, 5}));
  // 2(p − s − 1) + (v − 1)p + 1, of chunks (Narayanan et al. 2021).
  EXPECT_EQ(in_flight("{kind: interleaved, virtual_stages: 2}", 4, 8), (std::vector{11, 9, 7, 5}));
}

TEST(Schedules, SayWhatTheyCannotDivide) {
  EXPECT_EQ(plugin<PipelineSchedule>("interleaved")->mistake(4, 6),
            "6 micro-batches do not go through 4 stages in groups of 4");
  EXPECT_EQ(plugin<PipelineSchedule>("dualpipe")->mistake(3, 12),
            "DualPipe needs an even number of stages");
  EXPECT_EQ(plugin<PipelineSchedule>("dualpipe")->mistake(4, 6),
            "DualPipe needs at least two micro-batches for each stage");
}

// The published figure of the layout itself: stage 1 of 3 has parts 1 and 4 of 6.
TEST(StageShape, DealsPartsInTurnsOrFromBothEnds) {
  const StageShape turns{.stages = 3, .chunks = 2};
  EXPECT_EQ(turns.next({2, 0}), (ChunkPlace{0, 1}));
  EXPECT_EQ(turns.previous({0, 1}), (ChunkPlace{2, 0}));
  EXPECT_EQ(turns.next({2, 1}), std::nullopt);
  EXPECT_EQ(turns.previous({0, 0}), std::nullopt);
  const StageShape both{.stages = 4, .chunks = 2, .both_ways = true};
  EXPECT_EQ(both.next({1, 0}), (ChunkPlace{2, 0}));
  EXPECT_EQ(both.next({1, 1}), (ChunkPlace{0, 1}));
  EXPECT_EQ(both.next({0, 1}), std::nullopt);
  EXPECT_EQ(both.previous({3, 1}), std::nullopt);
}

}  // namespace
}  // namespace moesim
