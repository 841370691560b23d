#include "analysis/serving_metrics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "analysis/metrics.hpp"

namespace moesim {
namespace {

constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();
constexpr int kEveryClass = -1;

bool is_of(int kind, int wanted) { return wanted == kEveryClass || kind == wanted; }

using Counted = std::vector<const RequestRecord*>;

Counted counted_requests(const ServingResult& result, const ServiceTargets& targets, int kind) {
  Counted counted;
  for (const RequestRecord& request : result.requests)
    if (request.arrival >= targets.warmup.value && is_of(request.kind, kind))
      counted.push_back(&request);
  return counted;
}

Distribution gaps_of(const ServingResult& result, const ServiceTargets& targets, int kind) {
  std::vector<CountedValue> gaps;
  for (const TokenGap& gap : result.gaps)
    if (gap.end >= targets.warmup.value && is_of(gap.kind, kind))
      gaps.push_back({gap.seconds, gap.count});
  return distribution_of(std::move(gaps));
}

void set_latencies(ServiceMetrics& metrics, const Counted& counted) {
  std::vector<double> ttft, tpot, e2e, normalized, queueing, kv_waiting;
  for (const RequestRecord* request : counted) {
    metrics.refused += request->refused ? 1 : 0;
    if (!request->finished) continue;
    const RequestLatency latency = latency_of(*request);
    ttft.push_back(latency.ttft);
    if (request->output > 1) tpot.push_back(latency.tpot);
    e2e.push_back(latency.e2e);
    normalized.push_back(latency.normalized);
    queueing.push_back(latency.queueing);
    kv_waiting.push_back(request->kv_waited);
  }
  metrics.finished = static_cast<std::int64_t>(e2e.size());
  metrics.ttft = distribution_of(ttft);
  metrics.tpot = distribution_of(tpot);
  metrics.e2e = distribution_of(e2e);
  metrics.normalized = distribution_of(normalized);
  metrics.queueing = distribution_of(queueing);
  metrics.kv_waiting = distribution_of(kv_waiting);
}

const std::string& class_name(const ServingResult& result, int kind) {
  return result.classes[static_cast<std::size_t>(kind)].name;
}

void set_targets(ServiceMetrics& metrics, const Counted& counted, const ServingResult& result,
                 const ServiceTargets& targets, double seconds) {
  std::int64_t met = 0;
  bool any = false;
  for (const RequestRecord* request : counted) {
    const LatencyTargets& own = targets.of(class_name(result, request->kind));
    any = any || own.any();
    met += meets(*request, own) ? 1 : 0;
  }
  const double share = static_cast<double>(met);
  metrics.slo_attainment = any ? ratio(share, static_cast<double>(counted.size())) : kUndefined;
  metrics.goodput = any ? ratio(share, seconds) : kUndefined;
}

ServiceMetrics service_metrics(const ServingResult& result, const ServiceTargets& targets, int kind,
                               double seconds) {
  const Counted counted = counted_requests(result, targets, kind);
  ServiceMetrics metrics{.name = kind == kEveryClass ? "all" : class_name(result, kind),
                         .requests = static_cast<std::int64_t>(counted.size()),
                         .itl = gaps_of(result, targets, kind)};
  set_latencies(metrics, counted);
  set_targets(metrics, counted, result, targets, seconds);
  double input = 0, output = 0, cached = 0;
  for (const RequestRecord* request : counted) {
    metrics.preemptions += request->preemptions;
    metrics.retries += request->retries;
    if (!request->finished) continue;
    input += request->input;
    output += request->output;
    cached += request->cached;
  }
  metrics.requests_per_s = ratio(static_cast<double>(metrics.finished), seconds);
  metrics.input_tokens_per_s = ratio(input, seconds);
  metrics.output_tokens_per_s = ratio(output, seconds);
  metrics.prefix_hit_rate = ratio(cached, input);
  return metrics;
}

PoolMetrics pool_metrics(const PoolRecord& pool, double warmup, double seconds) {
  PoolMetrics metrics{.name = pool.name, .gpus = pool.gpus, .ranks = pool.ranks};
  std::vector<double> times;
  double time = 0, running = 0, waiting = 0, kv_use = 0, imbalance = 0, tokens = 0;
  for (const ServingStep& step : pool.steps) {
    if (step.begin < warmup) continue;
    const double took = step.end - step.begin;
    times.push_back(took);
    time += took;
    running += took * step.running;
    waiting += took * step.waiting;
    kv_use += took * step.kv_use;
    imbalance += took * step.gpu_max_over_mean;
    tokens += step.prompt_tokens + step.answer_tokens;
    metrics.stall += step.stall;
    metrics.preemptions += step.preemptions;
    metrics.running_max = std::max<double>(metrics.running_max, step.running);
    metrics.waiting_max = std::max<double>(metrics.waiting_max, step.waiting);
    metrics.kv_use_max = std::max(metrics.kv_use_max, step.kv_use);
  }
  metrics.steps = static_cast<std::int64_t>(times.size());
  metrics.step_time = distribution_of(times);
  metrics.busy = ratio(time, seconds);
  metrics.running_mean = ratio(running, seconds);
  metrics.waiting_mean = ratio(waiting, seconds);
  metrics.kv_use_mean = ratio(kv_use, seconds);
  metrics.gpu_max_over_mean = ratio(imbalance, time);
  metrics.tokens_per_step = ratio(tokens, static_cast<double>(metrics.steps));
  return metrics;
}

struct Change {
  double time = 0;
  int by = 0;
};

// Goes through arrivals and ends in time, from `begin` on. At the same moment one goes before
// another comes.
void set_under_way(ServingMetrics& metrics, const ServingResult& result, double begin) {
  std::vector<Change> changes;
  for (const RequestRecord& request : result.requests) {
    const double end = request.finished ? request.end : std::max(result.seconds, request.arrival);
    if (end < begin || request.refused) continue;
    changes.push_back({std::max(request.arrival, begin), 1});
    changes.push_back({end, -1});
  }
  std::sort(changes.begin(), changes.end(), [](const Change& a, const Change& b) {
    return a.time != b.time ? a.time < b.time : a.by < b.by;
  });
  double area = 0, before = begin, under_way = 0;
  for (const Change& change : changes) {
    area += under_way * (change.time - before);
    before = change.time;
    under_way += change.by;
    metrics.under_way_max = std::max(metrics.under_way_max, under_way);
  }
  metrics.under_way_mean = ratio(area, metrics.seconds);
}

}  // namespace

RequestLatency latency_of(const RequestRecord& request) {
  if (!request.finished) return {kUndefined, kUndefined, kUndefined, kUndefined, kUndefined};
  const double e2e = request.end - request.arrival;
  return {.ttft = request.first_token - request.arrival,
          .tpot = ratio(request.end - request.first_token, request.output - 1),
          .e2e = e2e,
          .normalized = ratio(e2e, request.output),
          .queueing = request.admitted - request.arrival};
}

bool meets(const RequestRecord& request, const LatencyTargets& targets) {
  if (!request.finished) return false;
  const RequestLatency latency = latency_of(request);
  // An undefined TPOT is above no target.
  const auto within = [](double value, Seconds target) {
    return target.value == 0 || !(value > target.value);
  };
  return within(latency.ttft, targets.ttft) && within(latency.tpot, targets.tpot) &&
         within(latency.e2e, targets.e2e);
}

ServingMetrics compute_serving_metrics(const ServingResult& result, const ServiceTargets& targets) {
  const double warmup = targets.warmup.value;
  ServingMetrics metrics{.seconds = std::max(0.0, result.seconds - warmup)};
  metrics.all = service_metrics(result, targets, kEveryClass, metrics.seconds);
  const int classes = static_cast<int>(result.classes.size());
  for (int kind = 0; classes > 1 && kind < classes; ++kind)
    metrics.classes.push_back(service_metrics(result, targets, kind, metrics.seconds));
  for (const PoolRecord& pool : result.pools) {
    metrics.gpus += pool.gpus;
    metrics.pools.push_back(pool_metrics(pool, warmup, metrics.seconds));
  }
  metrics.output_tokens_per_s_per_gpu = ratio(metrics.all.output_tokens_per_s, metrics.gpus);
  set_under_way(metrics, result, warmup);
  return metrics;
}

std::vector<std::string> serving_warnings(const ServingResult& result,
                                          const ServingMetrics& metrics) {
  std::vector<std::string> warnings = result.notes;
  const ServiceMetrics& all = metrics.all;
  if (all.requests == 0)
    warnings.push_back("no request arrives after the warm-up: nothing is counted");
  if (all.unfinished() > 0)
    warnings.push_back(
        fmt::format("{} of {} requests did not finish: latencies and rates are of the others, and "
                    "these meet no target",
                    all.unfinished(), all.requests));
  return warnings;
}

}  // namespace moesim
