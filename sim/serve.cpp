#include "sim/serve.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "sim/append_new.hpp"
#include "sim/calibration/calibrated_cost.hpp"
#include "sim/kv_room.hpp"
#include "sim/model/memory.hpp"
#include "sim/pool_clock.hpp"
#include "sim/provenance.hpp"
#include "sim/requests/requests.hpp"
#include "sim/serving/serving.hpp"

namespace moesim {
namespace {

struct MeanLengths {
  double input = 0, output = 0;
};

MeanLengths mean_lengths(const RequestList& list) {
  MeanLengths mean;
  for (const Request& request : list.requests) {
    mean.input += request.input;
    mean.output += request.output;
  }
  const auto count = std::max<double>(1, static_cast<double>(list.requests.size()));
  return {mean.input / count, mean.output / count};
}

// A part of the cluster, and everything that its steps are made from.
class PoolRun {
 public:
  PoolRun(std::string name, Scenario scenario, GpuPart part)
      : name_(std::move(name)),
        scenario_(std::move(scenario)),
        part_(part),
        cost_(make_cost_model(scenario_.calibration, scenario_.cluster->gpu())),
        stretches_(make_stretches(scenario_, *cost_, [](const Span&) {})) {
    if (stretches_.size() > 1)
      throw InputError(scenario_.events.front().spot, "experts do not expand while they serve",
                       "the event is for runs with fixed batches");
  }

  // `sends`: of its prompts' KV cache; none: it stays in the pool.
  void start(Engine& engine, std::unique_ptr<KvSends> sends) {
    sends_ = std::move(sends);
    if (sends_) engine.add(*sends_);
    clock_ = std::make_unique<PoolClock>(*stretches_.front(), engine, part_, sends_.get(),
                                         scenario_.step_cache);
  }

  PoolSetup setup(const MeanLengths& lengths) const {
    const double tokens = lengths.input + (name_ == "prefill" ? 0 : lengths.output / 2);
    const std::int64_t given = scenario_.serving.kv_tokens;
    return {.name = name_,
            .gpus = part_.gpus,
            .ranks = static_cast<int>(scenario_.grid->tensor_groups(0).size()),
            .kv_tokens = given > 0 ? given : kv_room(*stretches_.front(), std::max(1.0, tokens)),
            .batching = Registry<Batching>::make(scenario_.batching),
            .queue = Registry<QueueOrder>::make(scenario_.queue),
            .router = Registry<Router>::make(scenario_.router)};
  }

  void report(const Cluster& cluster, RunResult& result) const {
    add_provenance(*stretches_.front(), *cost_, result);
    clock_->report(cluster, part_.first, result.pools.emplace_back(PoolSummary{.name = name_}));
  }

  const std::string& name() const { return name_; }
  const Scenario& scenario() const { return scenario_; }
  GpuPart part() const { return part_; }
  // That has the KV cache.
  GpuPart attention_part() const {
    return {.first = part_.first, .gpus = scenario_.grid->attention_gpus()};
  }
  StepClock* clock() const { return clock_.get(); }

 private:
  std::string name_;
  Scenario scenario_;  // the pool's
  GpuPart part_;
  std::unique_ptr<CostModel> cost_;
  Stretches stretches_;
  std::unique_ptr<KvSends> sends_;
  std::unique_ptr<PoolClock> clock_;
};

using Pools = std::vector<std::unique_ptr<PoolRun>>;

// Of the tokens of all requests.
std::vector<ClassShare> class_shares(const RequestList& list) {
  std::vector<ClassShare> shares;
  for (const RequestClass& kind : list.classes)
    shares.push_back({.domain = kind.domain, .tokens = 0});
  double all = 0;
  for (const Request& request : list.requests) {
    const double tokens = 1.0 * request.input + request.output;
    shares[static_cast<std::size_t>(request.kind)].tokens += tokens;
    all += tokens;
  }
  for (ClassShare& share : shares) share.tokens = all > 0 ? share.tokens / all : 1;
  return shares;
}

Pools make_pools(const Scenario& scenario, const RequestList& list) {
  Pools pools;
  int first = 0;
  const auto add = [&](const std::string& name, Scenario own) {
    own.class_shares = class_shares(list);
    const int gpus = own.cluster->gpus();
    pools.push_back(std::make_unique<PoolRun>(name, std::move(own),
                                              GpuPart{.first = GpuId(first), .gpus = gpus}));
    first += gpus;
  };
  for (const PoolScenario& pool : scenario.pools) add(pool.name, *pool.scenario);
  if (pools.empty()) add("all", scenario);
  return pools;
}

void start(const Pools& pools, const Cluster& cluster, Engine& engine) {
  for (std::size_t i = 0; i < pools.size(); ++i) {
    const bool sends = i + 1 < pools.size();
    pools[i]->start(engine, sends ? std::make_unique<KvSends>(
                                        engine, cluster,
                                        KvRoute{.from = pools[i]->part(),
                                                .to = pools[i + 1]->attention_part(),
                                                .gpus_per_node = cluster.gpus() / cluster.nodes()})
                                  : nullptr);
  }
}

}  // namespace

RunResult simulate_serving(const Scenario& scenario, const RunListener& listener) {
  const Cluster& cluster = *scenario.cluster;
  const RequestList list =
      Registry<RequestSource>::make(scenario.requests)->requests(Random(scenario.seed));
  const Pools pools = make_pools(scenario, list);
  Engine engine(cluster, scenario.network);
  start(pools, cluster, engine);
  const MeanLengths lengths = mean_lengths(list);
  const Workload& last = pools.back()->scenario().workload;
  const int tp = pools.back()->scenario().grid->parallel().tp;
  ServingSetup setup{.options = scenario.serving,
                     .kv_token = kv_bytes_on_gpu(pools.back()->scenario().model, 1, tp),
                     .draft_tokens = last.draft_tokens,
                     .draft_acceptance = last.draft_acceptance,
                     .random = Random(scenario.seed)};
  StepClocks clocks;
  for (const auto& pool : pools) {
    setup.pools.push_back(pool->setup(lengths));
    clocks.push_back(pool->clock());
  }
  RunResult result{.scenario = scenario.name,
                   .seed = scenario.seed,
                   .gpus = cluster.gpus(),
                   .nodes = cluster.nodes()};
  result.serving = serve(list, setup, clocks, [&](const ServingProgress& progress) {
    if (listener.step_ended) listener.step_ended(progress.finished, progress.requests);
  });
  append_new(result.warnings, list.notes);
  for (const auto& pool : pools) pool->report(cluster, result);
  if (result.pools.back().steps > 0) result.steps = {result.pools.back().mean};
  add_provenance(scenario, result);
  return result;
}

}  // namespace moesim
