#include "analysis/plan/sensitivity.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "analysis/format.hpp"
#include "analysis/plan/candidates.hpp"
#include "analysis/plan/sizing.hpp"

namespace moesim {
namespace {

struct World {
  double slower = 1;  // all kernels
  StepConditions conditions;
};

BatchTask task_of(const PlanQuestion& question, const Candidate& candidate, const PoolSize& size,
                  const World& world) {
  return {.option = candidate.option,
          .grid = candidate.grid,
          .limit = step_limit(question, candidate, world.slower),
          .guess = size.point.batch,
          .conditions = world.conditions};
}

// What each pool's instance yields in a world, tokens/s; 0: no batch keeps to the targets.
std::vector<double> rates_in(const PlanQuestion& question, StepSource& source,
                             const std::vector<Candidate>& candidates, const Deployment& deployment,
                             const World& world) {
  std::vector<BatchTask> tasks;
  for (const PoolSize* pool : pools_of(deployment))
    tasks.push_back(task_of(question, candidates[pool->candidate], *pool, world));
  std::vector<double> rates;
  for (const BatchResult& result : search_batches(source, tasks))
    rates.push_back(result.best ? result.best->answer.tokens_per_s / world.slower : 0);
  return rates;
}

double workload_of(const PlanQuestion& question, PlanPoolKind pool) {
  return pool == PlanPoolKind::kDecode ? question.workload.output : question.workload.input;
}

// Nodes of the deployment's options that meet the targets with these rates.
std::optional<int> nodes_with(const PlanQuestion& question,
                              const std::vector<Candidate>& candidates,
                              const Deployment& deployment, const std::vector<double>& rates) {
  int nodes = 0;
  const auto pools = pools_of(deployment);
  for (std::size_t i = 0; i < pools.size(); ++i) {
    if (!(rates[i] > 0)) return std::nullopt;
    const PlanOption& option = candidates[pools[i]->candidate].option;
    nodes += option.nodes * instances_for(demand(question, option.pool), rates[i]);
  }
  return nodes;
}

double share_with(const PlanQuestion& question, const std::vector<Candidate>& candidates,
                  const Deployment& deployment, const std::vector<double>& rates) {
  double share = kForever.value;
  const auto pools = pools_of(deployment);
  for (std::size_t i = 0; i < pools.size(); ++i)
    share = std::min(share, pools[i]->instances * rates[i] /
                                workload_of(question, candidates[pools[i]->candidate].option.pool));
  return share;
}

class WhatIfs {
 public:
  WhatIfs(const PlanQuestion& question, StepSource& source,
          const std::vector<Candidate>& candidates, const Deployment& deployment, std::size_t index)
      : question_(question),
        source_(source),
        candidates_(candidates),
        deployment_(deployment),
        index_(index) {}

  std::vector<WhatIf> all() {
    std::vector<WhatIf> list = {skew(), world("NICs halve", {.conditions = {.nics = 0.5}})};
    if (const auto error = step_error_of(deployment_)) {
      const std::string percent = format_percent(*error);
      list.push_back(world("kernels slower by " + percent, {.slower = 1 + *error}));
      if (*error < 1) list.push_back(world("kernels faster by " + percent, {.slower = 1 - *error}));
    }
    for (const PoolSize* pool : pools_of(deployment_)) list.push_back(node_lost(*pool));
    return list;
  }

 private:
  WhatIf named(std::string name) const { return {.deployment = index_, .name = std::move(name)}; }

  WhatIf world(const std::string& name, const World& world) {
    WhatIf what_if = named(name);
    const std::vector<double> rates = rates_in(question_, source_, candidates_, deployment_, world);
    what_if.share = share_with(question_, candidates_, deployment_, rates);
    what_if.nodes = nodes_with(question_, candidates_, deployment_, rates);
    return what_if;
  }

  WhatIf skew() {
    for (const PoolSize* pool : pools_of(deployment_))
      if (!source_.has_skew(candidates_[pool->candidate].option)) {
        WhatIf what_if = named("skew doubles");
        what_if.why_not = "the trace has no measure of skew";
        return what_if;
      }
    return world("skew doubles", {.conditions = {.skew = 2}});
  }

  // The instance goes on with a node less, as a smaller group, where it can.
  double rate_after_loss(const PoolSize& pool, WhatIf& what_if) {
    const Candidate& candidate = candidates_[pool.candidate];
    Candidate smaller = candidate;
    --smaller.option.nodes;
    if (smaller.option.nodes == 0) {
      what_if.note = "the instance is gone";
      return 0;
    }
    smaller.room = source_.rooms({smaller.option}).front();
    std::erase_if(smaller.grid, [&](int batch) { return batch > smaller.room.batch; });
    if (smaller.grid.empty()) {
      what_if.note = "the instance is gone: " + smaller.room.why_not;
      return 0;
    }
    const BatchResult result =
        search_batches(source_, {task_of(question_, smaller, pool, {})}).front();
    if (!result.best) {
      what_if.note = "the instance is gone: with a node less it is too slow";
      return 0;
    }
    what_if.note = "the instance goes on with " + count_text(smaller.option.nodes, "node");
    return result.best->answer.tokens_per_s;
  }

  WhatIf node_lost(const PoolSize& pool) {
    const PlanOption& option = candidates_[pool.candidate].option;
    WhatIf what_if = named(fmt::format("a {} node is lost", pool_text(option.pool)));
    const double rate = pool.point.step.tokens_per_s;
    const double left = (pool.instances - 1) * rate + rate_after_loss(pool, what_if);
    what_if.share = left / workload_of(question_, option.pool);
    for (const PoolSize* other : pools_of(deployment_))
      if (other != &pool)
        what_if.share = std::min(
            what_if.share,
            other->capacity / workload_of(question_, candidates_[other->candidate].option.pool));
    // A spare instance makes the loss good.
    const bool enough = left >= demand(question_, option.pool);
    what_if.nodes = deployment_.nodes + (enough ? 0 : option.nodes);
    return what_if;
  }

  const PlanQuestion& question_;
  StepSource& source_;
  const std::vector<Candidate>& candidates_;
  const Deployment& deployment_;
  std::size_t index_ = 0;
};

}  // namespace

void add_bands(const PlanQuestion& question, StepSource& source,
               const std::vector<Candidate>& candidates, std::vector<Deployment>& deployments) {
  for (Deployment& deployment : deployments) {
    const std::optional<double> error = step_error_of(deployment);
    if (!error) continue;
    const auto nodes = [&](double slower) {
      return nodes_with(question, candidates, deployment,
                        rates_in(question, source, candidates, deployment, {.slower = slower}));
    };
    // An error of 100 % says nothing of how fast kernels may be.
    constexpr double kFastest = 0.05;
    deployment.band =
        NodeBand{.error = *error,
                 .low = nodes(std::max(kFastest, 1 - *error)).value_or(deployment.nodes),
                 .high = nodes(1 + *error)};
  }
}

std::vector<WhatIf> what_ifs_of(const PlanQuestion& question, StepSource& source,
                                const std::vector<Candidate>& candidates,
                                const std::vector<Deployment>& deployments,
                                const std::vector<std::size_t>& chosen) {
  std::vector<WhatIf> all;
  for (const std::size_t index : chosen)
    for (WhatIf& what_if : WhatIfs(question, source, candidates, deployments[index], index).all())
      all.push_back(std::move(what_if));
  return all;
}

}  // namespace moesim
