// Whole runs that serve requests: four MoE layers of 64 experts, 8 of them a token.
#include <gtest/gtest.h>

#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/support/program.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moesim {
namespace {

using Json = nlohmann::json;
using Row = std::map<std::string, std::string>;

constexpr const char* kOnePool =
    "cluster: {preset: h100-sxm-ib400, nodes: 1}\nexchange: low_latency\n";
constexpr const char* kTwoPools =
    "cluster: {preset: h100-sxm-ib400}\n"
    "pools:\n"
    "  prefill: {nodes: 1, batching: {kind: chunked_prefill, tokens: 4096}}\n"
    "  decode: {nodes: 1, exchange: low_latency, batching: {kind: continuous, requests: 128}}\n";
constexpr const char* kPoisson =
    "requests: {kind: poisson, rate: 300, count: 60, input: {kind: lognormal, mean: 300, cv: 0.8}, "
    "output: {kind: lognormal, mean: 40, cv: 0.8}}\n";
constexpr const char* kEven =
    "requests: {kind: poisson, rate: 300, count: 60, input: 200, output: 40}\n";

class ServingRun : public ::testing::Test {
 protected:
  TemporaryDirectory folder;

  std::filesystem::path write(const std::string& text) {
    std::ofstream(folder / "s.yaml")
        << "model: {preset: olmoe-1b-7b, layers: 4}\n"
           "calibration: h100-sxm\n"
        << (text.find("trace:") == std::string::npos ? "trace: {kind: lognormal, sigma: 0.8}\n"
                                                     : "")
        << text;
    return folder / "s.yaml";
  }
  Json run_file(const std::filesystem::path& file, const std::string& out,
                std::vector<std::string> more = {}) {
    std::vector<std::string> words = {"run", file.string(), "--json",
                                      "-q",  "-o",          (folder / out).string()};
    words.insert(words.end(), more.begin(), more.end());
    const Session ended = run_program(words);
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    return Json::parse(ended.out);
  }
  Json run(const std::string& text, const std::string& out = "out") {
    return run_file(write(text), out);
  }
  std::string text_of(const std::string& out, const std::string& file) const {
    return file_text(folder / out / file);
  }
  std::vector<Row> rows(const std::string& file, const std::string& out = "out") const {
    std::istringstream lines(text_of(out, file));
    std::vector<std::string> names;
    std::vector<Row> all;
    for (std::string line; std::getline(lines, line);) {
      std::vector<std::string> fields;
      std::istringstream row(line);
      for (std::string field; std::getline(row, field, ',');) fields.push_back(field);
      if (names.empty()) {
        names = fields;
        continue;
      }
      fields.resize(names.size());
      all.emplace_back();
      for (std::size_t i = 0; i < names.size(); ++i) all.back()[names[i]] = fields[i];
    }
    return all;
  }
};

double number(const Row& row, const std::string& name) { return std::stod(row.at(name)); }

TEST_F(ServingRun, IsTheSameAgainForAnyNumberOfWorkersAndFromTheResolvedScenario) {
  for (const char* pools : {kOnePool, kTwoPools}) {
    SCOPED_TRACE(pools);
    const auto file = write(std::string(kPoisson) + pools);
    run_file(file, "first");
    run_file(file, "again", {"-j", "2"});
    run_file(folder / "first/scenario.yaml", "resolved");
    for (const char* document : {"requests.csv", "serving_latencies.csv", "serving_steps.csv",
                                 "loads.csv", "links.csv", "scenario.yaml"}) {
      EXPECT_EQ(text_of("again", document), text_of("first", document)) << document;
      EXPECT_EQ(text_of("resolved", document), text_of("first", document)) << document;
    }
    EXPECT_EQ(text_of("again", "summary.json"), text_of("first", "summary.json"));
    // The resolved scenario holds what the presets said: it reads fewer files.
    Json first = Json::parse(text_of("first", "summary.json"));
    Json resolved = Json::parse(text_of("resolved", "summary.json"));
    for (Json* summary : {&first, &resolved}) (*summary)["provenance"].erase("inputs");
    EXPECT_EQ(resolved, first);
  }
}

TEST_F(ServingRun, NamesEachInputOnce) {
  run(std::string(kEven) + kTwoPools);
  const Json inputs = Json::parse(text_of("out", "summary.json"))["provenance"]["inputs"];
  std::map<std::string, int> times;
  for (const Json& input : inputs) ++times[input["file"]];
  EXPECT_FALSE(times.empty());
  for (const auto& [file, count] : times) EXPECT_EQ(count, 1) << file;
}

TEST_F(ServingRun, FinishesEveryRequestOnceWithTheTokensItWasSentFor) {
  for (const char* pools : {kOnePool, kTwoPools}) {
    SCOPED_TRACE(pools);
    run(std::string(kEven) + pools);
    const auto requests = rows("requests.csv");
    ASSERT_EQ(requests.size(), 60U);
    for (std::size_t i = 0; i < requests.size(); ++i) {
      EXPECT_EQ(requests[i].at("id"), std::to_string(i));
      EXPECT_EQ(requests[i].at("finished"), "1");
      EXPECT_EQ(requests[i].at("input_tokens"), "200");
      EXPECT_EQ(requests[i].at("output_tokens"), "40");
    }
    // A column of serving_steps.csv is a mean over the steps of its interval. A prompt's last step
    // brings the first token, so that 39 steps are left.
    double prompts = 0, answers = 0;
    for (const Row& row : rows("serving_steps.csv")) {
      prompts += number(row, "steps") * number(row, "prompt_tokens");
      answers += number(row, "steps") * number(row, "answer_tokens");
    }
    EXPECT_NEAR(prompts, 60 * 200, 1e-6 * prompts);
    EXPECT_NEAR(answers, 60 * 39, 1e-6 * answers);
  }
}

// Every token asks for 8 experts in each of 4 layers, in a step that is simulated as in one that
// the step cache takes for a mixture of others. KV caches leave over the NICs.
TEST_F(ServingRun, SaysWhatExpertsAndLinksHadToDoForEachPool) {
  for (const char* cache :
       {"workload: {step_cache: off}\n", "workload: {step_cache: {error: 0.02}}\n"}) {
    SCOPED_TRACE(cache);
    const Json summary = run(std::string(kEven) + kTwoPools + cache);
    std::map<std::string, double> steps, tokens, kv;
    for (const Json& pool : summary["serving"]["pools"])
      steps[pool["name"]] = pool["steps"].get<double>();
    for (const Row& row : rows("loads.csv")) {
      EXPECT_EQ(number(row, "gpu") < 8, row.at("pool") == "prefill");
      tokens[row.at("pool")] += steps[row.at("pool")] * number(row, "rows_per_step") / (8 * 4);
    }
    EXPECT_NEAR(tokens["prefill"], 60 * 200, 0.02 * 60 * 200);
    EXPECT_NEAR(tokens["decode"], 60 * 39, 0.02 * 60 * 39);
    for (const Row& row : rows("links.csv")) {
      if (row.at("use").empty()) continue;
      EXPECT_LE(number(row, "use"), 1) << row.at("name");
      if (row.at("class") == "nic" && row.at("from").starts_with("node0"))
        kv[row.at("pool")] += steps[row.at("pool")] * number(row, "bytes_per_step");
    }
    // 60 prompts of 200 tokens, in 4 layers keys and values of 16 heads of 128 in 2 bytes.
    const double bytes = 60.0 * 200 * 4 * 2 * 16 * 128 * 2;
    EXPECT_NEAR(kv["prefill"], bytes, 0.02 * bytes);
    EXPECT_EQ(kv["decode"], 0);
  }
}

double mean_of(const std::vector<Row>& all, const std::string& name) {
  double sum = 0;
  for (const Row& row : all) sum += number(row, name);
  return sum / static_cast<double>(all.size());
}

TEST_F(ServingRun, TakesAboutAsLongWithAStepCacheAsWithout) {
  run(std::string(kPoisson) + kOnePool, "cached");
  run(std::string(kPoisson) + kOnePool + "workload: {step_cache: off}\n", "all");
  const double all = mean_of(rows("requests.csv", "all"), "tpot_s");
  EXPECT_NEAR(mean_of(rows("requests.csv", "cached"), "tpot_s"), all, 0.03 * all);
}

// What a request has from its first token to its second, with two tokens in all.
TEST_F(ServingRun, SendsTheCacheOfAPromptOverTheNicsAfterItsFirstToken) {
  const std::string one =
      "requests: {kind: poisson, rate: 10, count: 4, input: 4096, output: 2}\n"
      "workload: {step_cache: off}\n";
  run(one + kTwoPools, "fast");
  std::string slow = one + kTwoPools;
  slow.insert(slow.find("h100-sxm-ib400") + 14, ", nic_bandwidth: 4 Gb/s");
  run(slow, "slow");
  const auto fast_requests = rows("requests.csv", "fast"),
             slow_requests = rows("requests.csv", "slow");
  // Keys and values of 4 layers: 4096 tokens · 2 · 2048 numbers of 2 bytes, at 0.5 GB/s.
  const double sent = 4 * 4096 * 2 * 2048 * 2.0 / 0.5e9;
  for (std::size_t i = 0; i < fast_requests.size(); ++i) {
    // Prefill stays in one node.
    EXPECT_NEAR(number(slow_requests[i], "ttft_s"), number(fast_requests[i], "ttft_s"),
                0.01 * number(fast_requests[i], "ttft_s"));
    EXPECT_LT(number(fast_requests[i], "tpot_s"), 0.1 * sent);
    EXPECT_GT(number(slow_requests[i], "tpot_s"), 0.9 * sent);
    EXPECT_LT(number(slow_requests[i], "tpot_s"), 1.2 * sent);
  }
}

TEST_F(ServingRun, ServesRequestsOfADeadGpuAgainOnceEach) {
  run(std::string(kEven) + kOnePool +
      "workload: {step_cache: off}\n"
      "events: [{kind: gpu_failure, gpu: 3, from: 50, until: 120, recovery_time: 20 ms}]\n");
  const auto requests = rows("requests.csv");
  ASSERT_EQ(requests.size(), 60U);
  int retried = 0;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    EXPECT_EQ(requests[i].at("id"), std::to_string(i));
    EXPECT_EQ(requests[i].at("finished"), "1");
    EXPECT_EQ(requests[i].at("refused"), "0");
    EXPECT_EQ(requests[i].at("output_tokens"), "40");
    if (requests[i].at("retries") == "0") continue;
    ++retried;
    EXPECT_EQ(requests[i].at("retries"), "1");
    EXPECT_NE(requests[i].at("decode_rank"), "3");
    // It has waited for the recovery.
    EXPECT_GT(number(requests[i], "e2e_s"), 0.02);
  }
  EXPECT_GT(retried, 0);
  EXPECT_LT(retried, 30);
}

std::string rebalancing(const std::string& execution, const std::string& planning) {
  return std::string(kEven) + kOnePool +
         "trace: {kind: drift, sigma: 1.5, rate: 0, jumps: [50]}\n"
         "placement: {kind: eplb, redundant: 16}\n"
         "workload: {step_cache: off}\n"
         "rebalance: {kind: interval, every: 100, execution: " +
         execution + ", planning_time: " + planning + "}\n";
}

TEST_F(ServingRun, ABlockingRebalanceIsInTheTailOfTheGapsBetweenTokens) {
  const Json blocking = run(rebalancing("blocking", "20 ms"), "blocking");
  const Json async = run(rebalancing("async", "20 ms"), "async");
  double blocked = 0, waited = 0;
  for (const Row& row : rows("serving_steps.csv", "blocking")) blocked += number(row, "stall_s");
  for (const Row& row : rows("serving_steps.csv", "async")) waited += number(row, "stall_s");
  EXPECT_GT(blocked, 0.02);
  EXPECT_EQ(waited, 0);
  EXPECT_GT(blocking["serving"]["itl_s"]["max"].get<double>(), 0.02);
  EXPECT_LT(async["serving"]["itl_s"]["max"].get<double>(), 0.005);
}

TEST_F(ServingRun, AMapThatIsStillPlannedBesideTheStepsChangesNothing) {
  std::string without = rebalancing("async", "1 s");
  without.erase(without.find("rebalance:"));
  run(without, "without");
  run(rebalancing("async", "1000 s"), "never");
  run(rebalancing("async", "20 ms"), "soon");
  EXPECT_EQ(text_of("never", "requests.csv"), text_of("without", "requests.csv"));
  // Requests that ended before the first map was planned, and others.
  const auto before = rows("requests.csv", "without"), after = rows("requests.csv", "soon");
  int alike = 0, different = 0;
  for (std::size_t i = 0; i < before.size(); ++i) {
    const bool same = after[i].at("end_s") == before[i].at("end_s");
    ++(same ? alike : different);
    // A hundred steps of 0.3 ms or more, then the plan.
    if (!same) {
      EXPECT_GT(number(before[i], "end_s"), 100 * 300e-6 + 0.02);
    }
  }
  EXPECT_GT(alike, 5);
  EXPECT_GT(different, 5);
}

// The scenario's map is for all requests of the run: half are of one domain, half of the other.
TEST_F(ServingRun, AMapForAMixFitsNoneOfItsDomainsAlone) {
  run_file(std::string(MOESIM_SOURCE_DIR) + "/scenarios/serving_domain_shift.yaml", "out",
           {"--set", "requests.count=3000"});
  std::array<double, 5> sum{}, steps{};
  const auto all = rows("serving_steps.csv");
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i].at("gpu_max_over_mean").empty()) continue;
    const std::size_t fifth = 5 * i / all.size();
    sum[fifth] += number(all[i], "steps") * number(all[i], "gpu_max_over_mean");
    steps[fifth] += number(all[i], "steps");
  }
  const double middle = sum[2] / steps[2];
  EXPECT_GT(sum[0] / steps[0], 1.1 * middle);
  EXPECT_GT(sum[4] / steps[4], 1.1 * middle);
}

// What serving_rebalance.yaml claims, of a shorter run.
TEST_F(ServingRun, MovingExpertsBesideTheStepsKeepsThemOutOfTheTail) {
  const auto tail = [&](const std::string& execution) {
    return run_file(std::string(MOESIM_SOURCE_DIR) + "/scenarios/serving_rebalance.yaml", execution,
                    {"--set", "requests.count=200", "--set", "model.layers=4", "--set",
                     "rebalance.every=20", "--set",
                     "rebalance.execution=" + execution})["serving"]["itl_s"]["max"]
        .get<double>();
  };
  EXPECT_GT(tail("blocking"), 0.2);  // the plan
  EXPECT_LT(tail("async"), 0.05);
}

}  // namespace
}  // namespace moesim
