#include "analysis/plan/pareto.hpp"

#include <algorithm>
#include <map>
#include <tuple>

#include "analysis/plan/candidates.hpp"

namespace moesim {

std::vector<ParetoPoint> pareto_of(const std::vector<Candidate>& candidates) {
  std::vector<ParetoPoint> points;
  for (const Candidate& candidate : candidates) {
    if (candidate.option.pool != PlanPoolKind::kDecode) continue;
    for (const SeenBatch& seen : candidate.seen)
      points.push_back({.option = candidate.option,
                        .batch = seen.batch,
                        .latency = operating_point(candidate, seen).latency,
                        .tokens_per_s_per_gpu = seen.answer.tokens_per_s / seen.answer.gpus});
  }
  std::sort(points.begin(), points.end(), [](const ParetoPoint& a, const ParetoPoint& b) {
    return std::tuple(a.latency, -a.tokens_per_s_per_gpu, a.option, a.batch) <
           std::tuple(b.latency, -b.tokens_per_s_per_gpu, b.option, b.batch);
  });
  std::map<std::size_t, double> best;  // so far, by cluster
  for (ParetoPoint& point : points) {
    double& of_cluster = best[point.option.cluster];
    point.front = point.tokens_per_s_per_gpu > of_cluster;
    of_cluster = std::max(of_cluster, point.tokens_per_s_per_gpu);
  }
  return points;
}

void add_ladder(StepSource& source, const std::vector<Deployment>& deployments,
                std::vector<Candidate>& candidates) {
  std::vector<StepQuery> queries;
  std::vector<Candidate*> askers;
  for (const Deployment& deployment : deployments) {
    Candidate& candidate = candidates[deployment.decode.candidate];
    for (const int batch : {8, 16, 32, 64, 128, 256}) {
      const bool known = std::any_of(candidate.seen.begin(), candidate.seen.end(),
                                     [&](const SeenBatch& seen) { return seen.batch == batch; });
      if (known || batch > candidate.room.batch) continue;
      queries.push_back({.option = candidate.option, .batch = batch});
      askers.push_back(&candidate);
    }
  }
  std::vector<StepAnswer> answers = source.steps(queries);
  for (std::size_t i = 0; i < queries.size(); ++i)
    if (answers[i].why_not.empty())
      askers[i]->seen.push_back({queries[i].batch, std::move(answers[i])});
}

}  // namespace moesim
