// Serving runs with clocks that tests understand.
#pragma once

#include <fmt/format.h>

#include <functional>
#include <map>

#include "sim/serving/serving.hpp"
#include "tests/support/plugin.hpp"

namespace moesim {

// Steps as a rule says; the first is step 0. Keeps what it was asked.
class RuleClock final : public StepClock {
 public:
  using Rule = std::function<StepOutcome(int step, const StepBatch& batch)>;
  explicit RuleClock(Rule rule) : rule_(std::move(rule)) {}
  explicit RuleClock(double seconds)
      : rule_([seconds](int, const StepBatch&) { return StepOutcome{.time = Seconds(seconds)}; }) {}

  StepOutcome step(const StepBatch& batch) override {
    if (keep) batches.push_back(batch);
    return rule_(steps++, batch);
  }
  Seconds kv_time(double tokens) const override { return tokens * kv_token; }
  Seconds kv_token;  // that a token's KV cache travels on its own
  bool keep = true;
  int steps = 0;
  std::vector<StepBatch> batches;

 private:
  Rule rule_;
};

struct Policies {
  std::string batching = "continuous", queue = "fcfs", router = "round_robin";
};

inline PoolSetup pool_of(std::int64_t kv_tokens, int ranks = 1, const Policies& policies = {}) {
  return {.gpus = ranks,
          .ranks = ranks,
          .kv_tokens = kv_tokens,
          .batching = plugin<Batching>(policies.batching),
          .queue = plugin<QueueOrder>(policies.queue),
          .router = plugin<Router>(policies.router)};
}

// Pages of one token and no prefix cache, so that KV caches can be counted by hand.
inline ServingSetup setup_of(std::vector<PoolSetup> pools,
                             KvPolicy preemption = KvPolicy::kRecompute) {
  return {.pools = std::move(pools),
          .options = {.page = 1, .prefix_cache = false, .preemption = preemption}};
}

struct Sent {
  double arrival = 0;
  int input = 1, output = 1;
};

inline RequestList requests_of(const std::vector<Sent>& all) {
  RequestList list;
  for (const Sent& each : all)
    list.requests.push_back({.id = static_cast<int>(list.requests.size()),
                             .arrival = Seconds(each.arrival),
                             .input = each.input,
                             .output = each.output});
  return list;
}

inline ServingResult serve_with(const RequestList& list, const ServingSetup& setup,
                                StepClock& clock) {
  return serve(list, setup, {&clock}, {});
}

// "1 x 3, 4 x 1": so many gaps of so many seconds.
inline std::string gaps_text(const ServingResult& result) {
  std::map<double, std::int64_t> counts;
  for (const TokenGap& gap : result.gaps) counts[gap.seconds] += gap.count;
  std::string text;
  for (const auto& [seconds, count] : counts)
    text += fmt::format("{}{:g} x {}", text.empty() ? "" : ", ", seconds, count);
  return text;
}

}  // namespace moesim
