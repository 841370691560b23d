#include "analysis/plan/sizing.hpp"

#include <algorithm>
#include <cmath>
#include <tuple>

namespace moesim {
namespace {

PoolSize size_of(const PlanQuestion& question, const std::vector<Candidate>& candidates,
                 std::size_t index, double growth) {
  const Candidate& candidate = candidates[index];
  PoolSize size{.candidate = index, .point = *candidate.decided};
  const double rate = size.point.step.tokens_per_s;
  size.instances = instances_for(growth * demand(question, candidate.option.pool), rate);
  size.nodes = size.instances * candidate.option.nodes;
  size.gpus = size.instances * size.point.step.gpus;
  size.capacity = size.instances * rate;
  return size;
}

std::optional<PoolSize> best_size(const PlanQuestion& question,
                                  const std::vector<Candidate>& candidates, std::size_t cluster,
                                  PlanPoolKind pool, double growth) {
  std::optional<PoolSize> best;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const Candidate& candidate = candidates[i];
    if (!candidate.decided || candidate.option.cluster != cluster || candidate.option.pool != pool)
      continue;
    PoolSize size = size_of(question, candidates, i, growth);
    if (!best || std::tuple(size.nodes, -size.capacity) < std::tuple(best->nodes, -best->capacity))
      best = std::move(size);
  }
  return best;
}

// Of the tighter pool: what it bears over the workload that is asked for.
double tightest_ratio(const PlanQuestion& question, const Deployment& deployment) {
  double ratio = deployment.decode.capacity / question.workload.output;
  if (deployment.prefill)
    ratio = std::min(ratio, deployment.prefill->capacity / question.workload.input);
  return ratio;
}

void add_costs(const PlanQuestion& question, Deployment& deployment) {
  const PlanCluster& cluster = question.clusters[deployment.cluster];
  deployment.dollars_per_hour = dollars_per_hour(cluster, deployment.gpus);
  const double millions_per_hour = question.workload.output * 3600 / 1e6;
  const double kilowatts =
      (deployment.gpus * cluster.gpu_watts + deployment.nodes * cluster.node_watts) / 1000;
  const double ratio = tightest_ratio(question, deployment);
  deployment.dollars_per_million = deployment.dollars_per_hour / millions_per_hour;
  deployment.dollars_per_million_full = deployment.dollars_per_million / ratio;
  deployment.kwh_per_million = kilowatts / millions_per_hour;
  deployment.headroom = ratio - 1;
}

template <class Key>
std::optional<std::size_t> least(const std::vector<Deployment>& deployments, Key key) {
  if (deployments.empty()) return std::nullopt;
  const auto found =
      std::min_element(deployments.begin(), deployments.end(),
                       [&](const Deployment& a, const Deployment& b) { return key(a) < key(b); });
  return static_cast<std::size_t>(found - deployments.begin());
}

}  // namespace

int instances_for(double demand, double rate) {
  constexpr double kMost = 1e6;
  constexpr double kRounding = 1e-9;  // an exact fit is not one instance more
  return static_cast<int>(std::clamp(std::ceil(demand / rate - kRounding), 1.0, kMost));
}

double dollars_per_hour(const PlanCluster& cluster, int gpus) { return gpus * cluster.gpu_hour; }

std::optional<Deployment> unlimited_deployment(const PlanQuestion& question,
                                               const std::vector<Candidate>& candidates,
                                               std::size_t cluster, double growth) {
  const auto best = [&](PlanPoolKind pool) {
    return best_size(question, candidates, cluster, pool, growth);
  };
  const std::optional<PoolSize> decode = best(PlanPoolKind::kDecode);
  if (!decode) return std::nullopt;
  Deployment deployment{.cluster = cluster, .decode = *decode};
  if (question.prefill.planned) deployment.prefill = best(PlanPoolKind::kPrefill);
  if (question.prefill.planned && !deployment.prefill) return std::nullopt;
  for (const PoolSize* pool : pools_of(deployment)) {
    deployment.nodes += pool->nodes;
    deployment.gpus += pool->gpus;
  }
  add_costs(question, deployment);
  return deployment;
}

std::optional<Deployment> deployment_of(const PlanQuestion& question,
                                        const std::vector<Candidate>& candidates,
                                        std::size_t cluster, double growth) {
  std::optional<Deployment> deployment =
      unlimited_deployment(question, candidates, cluster, growth);
  if (deployment && deployment->nodes > question.clusters[cluster].max_nodes) return std::nullopt;
  return deployment;
}

std::optional<std::size_t> smallest_of(const std::vector<Deployment>& deployments) {
  return least(deployments,
               [](const Deployment& d) { return std::tuple(d.gpus, d.dollars_per_hour); });
}

std::optional<std::size_t> cheapest_of(const std::vector<Deployment>& deployments) {
  return least(deployments,
               [](const Deployment& d) { return std::tuple(d.dollars_per_hour, d.gpus); });
}

std::vector<GrowthStep> growth_of(const PlanQuestion& question,
                                  const std::vector<Candidate>& candidates) {
  std::vector<GrowthStep> steps;
  for (const double factor : question.workload.growth) {
    std::vector<Deployment> deployments;
    for (std::size_t c = 0; c < question.clusters.size(); ++c)
      if (auto deployment = deployment_of(question, candidates, c, factor))
        deployments.push_back(std::move(*deployment));
    steps.push_back({.factor = factor});
    const std::optional<std::size_t> cheapest = cheapest_of(deployments);
    if (!cheapest) continue;
    steps.back().cluster = deployments[*cheapest].cluster;
    steps.back().nodes = deployments[*cheapest].nodes;
    steps.back().dollars_per_hour = deployments[*cheapest].dollars_per_hour;
  }
  return steps;
}

}  // namespace moesim
