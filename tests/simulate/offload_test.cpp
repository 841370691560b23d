// Experts outside the GPU's memory in a run: OLMoE cut to four layers, one token a step on one GPU
// unless said otherwise, so that fetches take as long as the closed form says.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/support/program.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moesim {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;

// Of OLMoE: 3 · 2048 · 1024 parameters at 16 bits.
constexpr double kExpert = 3 * 2048 * 1024 * 2;
constexpr double kRate = 25e9, kLatency = 20e-6;
constexpr double kFetch = kLatency + kExpert / kRate;

class OffloadRun : public ::testing::Test {
 protected:
  TemporaryDirectory folder;
  std::string workload = "tokens_per_gpu: 1, steps: 12";
  std::string gpus = "1";
  std::string host =
      "{bandwidth: 25 GB/s, latency: 20 us, memory_bandwidth: 400 GB/s, cpu: 1 TFLOP/s, disk: 5 "
      "GB/s, disk_latency: 100 us}";
  std::string extra;

  Session session(const std::string& cache, const std::string& prefetch = "none") {
    std::ofstream(folder / "s.yaml")
        << "model: {preset: olmoe-1b-7b, layers: 4}\n"
        << "cluster: {preset: h100-sxm, gpus_per_node: " << gpus
        << ", nics_per_node: 0, host: " << host << "}\nworkload: {phase: decode, context: 1024, "
        << workload << "}\n"
        << "trace: {kind: lognormal, sigma: 0.5}\nexchange: direct\ncalibration: h100-sxm\n"
        << extra << "cache: " << cache << "\nprefetch: " << prefetch << "\n";
    return run_program({"run", (folder / "s.yaml").string(), "--json", "-q"});
  }
  Json run(const std::string& cache, const std::string& prefetch = "none") {
    const Session ended = session(cache, prefetch);
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    return Json::parse(ended.out);
  }
};

double number(const Json& json, const std::string& key) { return json["offload"][key]; }
double bytes(const Json& json, const std::string& key) { return json["offload"]["bytes"][key]; }
double step(const Json& json) { return json["metrics"]["step_time_s"]["mean"]; }
double phase(const Json& json, const std::string& name) {
  const Json& breakdown = json["metrics"]["breakdown_s"];
  return breakdown.contains(name) ? breakdown[name].get<double>() : 0;
}

TEST_F(OffloadRun, FetchesEveryExpertOneAfterTheOtherWhereNoneIsKept) {
  // Each of four layers asks for eight experts, and nothing else is to be computed meanwhile.
  const Json json = run("{kind: lru, slots: 0}");
  EXPECT_EQ(number(json, "hit_rate"), 0);
  EXPECT_DOUBLE_EQ(bytes(json, "demand"), 32 * kExpert);
  EXPECT_NEAR(phase(json, "offload"), 32 * kFetch, 1e-9);
  EXPECT_DOUBLE_EQ(number(json, "exposed_s"), phase(json, "offload"));
}

TEST_F(OffloadRun, CostsNothingMoreWhereEverythingIsKept) {
  workload = "tokens_per_gpu: 1, steps: 4";
  const Json all = run("{kind: static_hot, slots: 64}");
  const Json none = run("none");
  EXPECT_EQ(number(all, "hit_rate"), 1);
  EXPECT_EQ(number(all, "layer_hit_rate"), 1);
  EXPECT_DOUBLE_EQ(step(all), step(none));
  EXPECT_FALSE(none.contains("offload"));
  EXPECT_FALSE(none["metrics"]["breakdown_s"].contains("offload"));
  EXPECT_EQ(none["scenario"]["cache"]["kind"], "none");
}

TEST_F(OffloadRun, KeepsMoreInMemoryWithMoreSlots) {
  const Json few = run("{kind: lru, slots: 8}"), more = run("{kind: lru, slots: 24}");
  EXPECT_LT(number(few, "hit_rate"), number(more, "hit_rate"));
  EXPECT_GT(step(few), step(more));
  EXPECT_NEAR(more["metrics"]["memory_bytes_max"].get<double>() -
                  few["metrics"]["memory_bytes_max"].get<double>(),
              4 * 16 * kExpert, 1);
  EXPECT_LE(number(more, "hit_rate"), number(run("{kind: belady, slots: 24}"), "hit_rate"));
}

TEST_F(OffloadRun, HidesFetchesBehindTheExpertsThatAreThere) {
  const Json beside = run("{kind: lru, slots: 32}");
  const Json waiting = run("{kind: lru, slots: 32, overlap: false}");
  EXPECT_EQ(number(beside, "hit_rate"), number(waiting, "hit_rate"));
  EXPECT_LT(phase(beside, "offload"), phase(waiting, "offload"));
}

TEST_F(OffloadRun, APrefetchThatIsAlwaysRightBeginsBeforeItIsAskedFor) {
  const std::string cache = "{kind: lru, slots: 16}";
  const Json without = run(cache);
  const Json right = run(cache, "{kind: gate_lookahead, accuracy: 1}");
  EXPECT_LT(step(right), step(without));
  EXPECT_EQ(number(right, "prefetch_wasted"), 0);
  EXPECT_GT(number(right, "late_rate") + number(right, "hit_rate"), number(without, "hit_rate"));
  // What is fetched is what is missing, sooner or later.
  EXPECT_NEAR(bytes(right, "demand") + bytes(right, "prefetch"), bytes(right, "host"), 1);
}

TEST_F(OffloadRun, APrefetchThatIsAlwaysWrongIsWaste) {
  const std::string cache = "{kind: lru, slots: 16}";
  const Json wrong = run(cache, "{kind: gate_lookahead, accuracy: 0}");
  EXPECT_GT(number(wrong, "prefetch_wasted"), 0.3);
  EXPECT_GT(step(wrong), step(run(cache)));
}

TEST_F(OffloadRun, EveryPrefetchRuns) {
  for (const char* kind : {"next_layer_all", "eam", "transition", "popularity"}) {
    const Json json = run("{kind: lru, slots: 24}", kind);
    EXPECT_GT(bytes(json, "prefetch"), 0) << kind;
    EXPECT_GE(number(json, "prefetch_used"), 0) << kind;
    EXPECT_LE(number(json, "prefetch_used"), 1) << kind;
  }
}

TEST_F(OffloadRun, LeavesMissesToTheCpu) {
  // One row of an expert: reading its weights at 400 GB/s takes longer than computing it; the row
  // goes there and back.
  const Json json = run("{kind: static_hot, slots: 0, miss: cpu}");
  const double expert = kExpert / 400e9 + 2 * (kLatency + 2 * 2048 / kRate);
  EXPECT_EQ(number(json, "cpu_rate"), 1);
  EXPECT_EQ(bytes(json, "demand"), 0);
  EXPECT_NEAR(phase(json, "offload"), 32 * expert, 1e-9);
  EXPECT_NEAR(phase(run("{kind: static_hot, slots: 0, miss: cheaper}"), "offload"), 32 * expert,
              1e-9);
  host = "{bandwidth: 25 GB/s, latency: 20 us, cpu: 1 GFLOP/s}";
  EXPECT_EQ(number(run("{kind: static_hot, slots: 0, miss: cheaper}"), "cpu_rate"), 0);
}

TEST_F(OffloadRun, FetchesSecondChoicesInLowPrecision) {
  // The first choice of the eight in 16 bits, the others in 4.25.
  const Json json = run("{kind: lru, slots: 0, low_dtype: mxfp4, low_rank: 1}");
  EXPECT_DOUBLE_EQ(number(json, "low_rate"), 7.0 / 8);
  EXPECT_NEAR(bytes(json, "demand"), 4 * kExpert * (1 + 7 * 4.25 / 16), 1);
  // What is kept in low precision does not serve as a first choice.
  EXPECT_LT(number(run("{kind: lru, slots: 32, low_dtype: mxfp4, low_rank: 1}"), "hit_rate"),
            number(run("{kind: lru, slots: 32}"), "hit_rate"));
}

TEST_F(OffloadRun, ReadsFromDiskWhatHostMemoryDoesNotHold) {
  host = "{bandwidth: 25 GB/s, latency: 20 us, memory: 1 MB, disk: 5 GB/s, disk_latency: 100 us}";
  const Json json = run("{kind: lru, slots: 0}");
  EXPECT_EQ(bytes(json, "host"), 0);
  EXPECT_DOUBLE_EQ(bytes(json, "disk"), 32 * kExpert);
  EXPECT_NEAR(phase(json, "offload"), 32 * (120e-6 + kExpert / 5e9), 1e-9);
}

TEST_F(OffloadRun, SharesHostMemoryAmongTheGpusOfANode) {
  // Four GPUs fetch at the same time what they hold 16 experts a layer of; 25 GB/s of host memory
  // are 6.25 GB/s for each.
  gpus = "4";
  workload = "tokens_per_gpu: 64, steps: 2";
  host = "{bandwidth: 25 GB/s, latency: 20 us, memory_bandwidth: 400 GB/s}";
  const Json wide = run("{kind: lru, slots: 0}");
  host = "{bandwidth: 25 GB/s, latency: 20 us, memory_bandwidth: 25 GB/s}";
  const Json narrow = run("{kind: lru, slots: 0}");
  // Every expert is asked for in every layer: 16 fetches on each GPU.
  EXPECT_DOUBLE_EQ(bytes(wide, "demand"), 4 * 64 * kExpert);
  EXPECT_NEAR(phase(wide, "offload"), 64 * kFetch, 0.05 * 64 * kFetch);
  EXPECT_NEAR(phase(narrow, "offload"), 64 * (kLatency + kExpert / 6.25e9),
              0.05 * 64 * kExpert / 6.25e9);
}

TEST_F(OffloadRun, GivesTheSameBytesAgain) {
  const std::string prefetch = "{kind: gate_lookahead, accuracy: 0.8, depth: 2}";
  EXPECT_EQ(session("{kind: lfu_decay, slots: 20}", prefetch).out,
            session("{kind: lfu_decay, slots: 20}", prefetch).out);
}

TEST_F(OffloadRun, RefusesWhatCannotBeOffloadedTogether) {
  extra = "rebalance: {kind: interval, every: 2}\nplacement: lpt\n";
  EXPECT_THAT(session("lru").err, HasSubstr("cannot both move between GPUs and be offloaded"));
  extra = "";
  gpus = "4";
  extra = "placement: {kind: eplb, redundant: 4}\n";
  EXPECT_THAT(session("lru").err, HasSubstr("replicas of experts cannot be offloaded"));
}

}  // namespace
}  // namespace moesim
