// Steps of a pool, simulated one at a time, against runs of `simulate` and against each other.
#include "sim/pool_steps.hpp"

#include <gtest/gtest.h>

#include "sim/calibration/calibrated_cost.hpp"
#include "sim/read_scenario.hpp"
#include "sim/simulate.hpp"
#include "tests/support/forked.hpp"

namespace moesim {
namespace {

Scenario scenario_of(const std::string& workload, const std::string& rest = "") {
  return read_scenario(parse_yaml(text_source("test.yaml",
                                              "model: {preset: olmoe-1b-7b, layers: 3}\n"
                                              "cluster: {preset: h100-sxm-ib400, nodes: 2}\n"
                                              "trace: {kind: lognormal, sigma: 0.8}\n"
                                              "workload: {" +
                                                  workload + "}\n" + rest)),
                       "test");
}

class OnePool {
 public:
  explicit OnePool(const Scenario& scenario)
      : cost_(make_cost_model(scenario.calibration, scenario.cluster->gpu())),
        stretches_(make_stretches(scenario, *cost_, [](const Span&) {})),
        engine_(*scenario.cluster, scenario.network),
        steps_(*stretches_.front(), engine_, {GpuId(0), scenario.cluster->gpus()}, nullptr) {}
  double seconds(const StepBatch& batch, int number = 0) {
    return steps_.simulate(batch, number).record.seconds;
  }

 private:
  std::unique_ptr<CostModel> cost_;
  Stretches stretches_;
  Engine engine_;
  PoolSteps steps_;
};

StepBatch answers_on_each(int ranks, int count, double context) {
  const Sequences own = answers(std::vector<double>(static_cast<std::size_t>(count), context));
  return {.ranks = std::vector<Sequences>(static_cast<std::size_t>(ranks), own)};
}

TEST(PoolSteps, TakeAsLongAsTheStepsOfARunWithTheSameBatch) {
  const Scenario scenario =
      scenario_of("phase: decode, tokens_per_gpu: 64, context: 2000, steps: 1");
  const auto run =
      in_child([&] { return std::vector<double>{simulate(scenario).steps[0].seconds}; });
  const auto pool = in_child([&] {
    OnePool steps(scenario);
    const double first = steps.seconds(answers_on_each(16, 64, 2000));
    return std::vector<double>{first, steps.seconds(answers_on_each(16, 64, 2000))};
  });
  EXPECT_NEAR(pool[0], run[0], 1e-12);
  EXPECT_NEAR(pool[1], run[0], 1e-9);  // on a later clock
}

TEST(PoolSteps, TakeAsLongAsTheStepsOfARunWithTwoBatches) {
  const Scenario scenario =
      scenario_of("phase: prefill, tokens_per_gpu: 2048, context: 512, steps: 1",
                  "overlap: {kind: two_batch}\nparallel: {tp: 2}\n");
  const auto run =
      in_child([&] { return std::vector<double>{simulate(scenario).steps[0].seconds}; });
  const auto pool = in_child([&] {
    OnePool steps(scenario);
    const StepBatch batch{.ranks =
                              std::vector<Sequences>(8, prompts(4096, std::vector<double>{512}))};
    return std::vector<double>{steps.seconds(batch)};
  });
  EXPECT_NEAR(pool[0], run[0], 1e-12);
}

TEST(PoolSteps, WaitForTheRankWithTheLongestContextAndGoOnWithIdleRanks) {
  const Scenario scenario =
      scenario_of("phase: decode, tokens_per_gpu: 64, context: 2000, steps: 1");
  const auto seconds = in_child([&] {
    OnePool steps(scenario);
    StepBatch one_long = answers_on_each(16, 64, 2000);
    for (Sequence& sequence : one_long.ranks[5]) sequence.earlier = 20000;
    StepBatch idle = answers_on_each(16, 0, 0);
    idle.ranks[3] = answers({2000.0});
    return std::vector<double>{steps.seconds(answers_on_each(16, 64, 2000)),
                               steps.seconds(one_long),
                               steps.seconds(answers_on_each(16, 64, 20000)), steps.seconds(idle)};
  });
  const auto [even, one_long, all_long, idle] =
      std::tuple(seconds[0], seconds[1], seconds[2], seconds[3]);
  EXPECT_GT(one_long, 1.2 * even);
  EXPECT_NEAR(one_long, all_long, 0.02 * all_long);
  EXPECT_GT(idle, 0);
  EXPECT_LT(idle, even);
}

TEST(OnGpus, SharesTheTokensOfARankAmongItsTensorParallelGroup) {
  const Scenario scenario = scenario_of("tokens_per_gpu: 64, steps: 1", "parallel: {tp: 2}\n");
  StepBatch batch{.ranks = std::vector<Sequences>(8)};
  batch.ranks[1] = prompts(5, {3.0});
  const auto own = on_gpus(batch, *scenario.grid);
  EXPECT_TRUE(own[GpuId(0)].empty());
  EXPECT_EQ(own[GpuId(2)], (Sequences{{.new_tokens = 2}}));
  EXPECT_EQ(own[GpuId(3)],
            (Sequences{{.new_tokens = 1, .earlier = 2}, {.new_tokens = 2, .earlier = 0.5}}));
}

}  // namespace
}  // namespace moesim
