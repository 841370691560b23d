// A serving run as a whole: requests and pools, and below them what a step of each pool is made of.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "analysis/format.hpp"
#include "analysis/metrics_json.hpp"
#include "analysis/serving_summary.hpp"
#include "analysis/table.hpp"
#include "analysis/table_parts.hpp"

namespace moesim {
namespace {

using Parts = std::vector<std::string>;

ServingMetrics metrics_of(const Scenario& scenario, const RunResult& result) {
  return compute_serving_metrics(*result.serving, scenario.serving.targets);
}

// The mean step of a pool.
Metrics step_metrics(const PoolSummary& pool) {
  RunResult one;
  one.steps = {pool.mean};
  one.serving.emplace();
  return compute_metrics(one);
}

struct CacheErrors {
  double mean = 0, largest = 0;  // relative; the largest by magnitude
};

CacheErrors errors_of(const StepCacheRecord& cache) {
  CacheErrors errors;
  for (const double error : cache.errors) {
    errors.mean += error / static_cast<double>(cache.errors.size());
    if (std::abs(error) > std::abs(errors.largest)) errors.largest = error;
  }
  return errors;
}

void add_headline(Lines& lines, const Scenario& scenario, const RunResult& result) {
  lines.plain(lines.paint()(Ink::kBold, result.scenario));
  lines.plain(fmt::format("{} on {}", scenario.model.name, machine_text(scenario, result)));
  lines.plain(fmt::format("requests {} · seed {}", scenario.requests.kind, result.seed));
  const auto pool_line = [&](const Scenario& pool, const std::string& name) {
    lines.plain(fmt::format("{}batching {} · queue {} · router {} · {}", name, pool.batching.kind,
                            pool.queue.kind, pool.router.kind, policy_text(pool)),
                "  ");
  };
  if (scenario.pools.empty()) pool_line(scenario, "");
  for (const PoolScenario& pool : scenario.pools) {
    const Scenario& own = *pool.scenario;
    pool_line(own, fmt::format("{} on {} GPUs: ", pool.name, own.cluster->gpus()));
  }
  lines.gap();
}

void add_cache(Lines& lines, const PoolSummary& pool) {
  if (!pool.cache || pool.cache->steps == 0) return;
  const StepCacheRecord& cache = *pool.cache;
  const CacheErrors errors = errors_of(cache);
  lines.add(
      "step cache",
      fmt::format("{} of {} steps simulated · off by {} on average, {} at most, on {} steps",
                  format_count(cache.simulated), format_count(static_cast<double>(cache.steps)),
                  format_error(errors.mean), format_error(errors.largest), cache.errors.size()));
}

}  // namespace

std::string serving_run_table(const Scenario& scenario, const RunResult& result,
                              const Screen& screen) {
  Lines lines{screen};
  add_headline(lines, scenario, result);
  lines.append(serving_table(metrics_of(scenario, result), scenario.serving.targets, screen));
  for (const PoolSummary& pool : result.pools) {
    if (pool.steps == 0) continue;
    const Metrics metrics = step_metrics(pool);
    lines.gap();
    lines.plain(fmt::format("{}, mean of {} steps: {}",
                            pool.name == "all" ? std::string("step") : "step of " + pool.name,
                            format_count(pool.steps),
                            format_time(Seconds(metrics.step_time.mean))));
    add_breakdown(lines, metrics);
    add_cache(lines, pool);
  }
  add_footing(lines, result);
  return lines.text();
}

Json serving_document(const Scenario& scenario, const RunResult& result) {
  Json document = serving_json(metrics_of(scenario, result), scenario.serving.targets);
  for (std::size_t i = 0; i < result.pools.size(); ++i) {
    const PoolSummary& pool = result.pools[i];
    Json& own = document["pools"][i];
    const Metrics metrics = step_metrics(pool);
    own["breakdown_s"] = breakdown_json(metrics.breakdown);
    own["communication_s"] = communication_json(metrics.communication);
    own["imbalance"] = imbalance_json(metrics.imbalance);
    own["step_cache"] = nullptr;
    if (!pool.cache) continue;
    const CacheErrors errors = errors_of(*pool.cache);
    own["step_cache"] = {{"steps", pool.cache->steps},
                         {"simulated", pool.cache->simulated},
                         {"compared", pool.cache->errors.size()},
                         {"error_mean", errors.mean},
                         {"error_largest", errors.largest}};
  }
  return document;
}

void add_serving_metrics(const Json& serving, Json& metrics) {
  const Json& all = serving;
  metrics["tokens_per_s"] = all.at("output_tokens_per_s");
  metrics["tokens_per_s_per_gpu"] = serving.at("output_tokens_per_s_per_gpu");
  for (const char* name : {"ttft_s", "tpot_s", "itl_s", "e2e_s", "requests_per_s",
                           "goodput_requests_per_s", "slo_attainment"})
    metrics[name] = all.at(name);
}

}  // namespace moesim
