#include "analysis/plan/misses.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "analysis/format.hpp"
#include "analysis/plan/candidates.hpp"
#include "analysis/plan/sizing.hpp"
#include "sim/base/bisect.hpp"

namespace moesim {
namespace {

Miss too_slow(const PlanQuestion& question, const Candidate& candidate) {
  const Seconds step = candidate.fastest->answer.step;
  Miss miss{.ratio = step / step_limit(question, candidate)};
  const bool decode = candidate.option.pool == PlanPoolKind::kDecode;
  const Seconds latency = operating_point(candidate, *candidate.fastest).latency;
  const bool by_step = decode && question.targets.step.value > 0 && step > question.targets.step;
  const Seconds reached = by_step ? step : latency;
  const Seconds target = by_step  ? question.targets.step
                         : decode ? question.targets.tpot
                                  : question.targets.ttft;
  const char* what = by_step  ? "a decode step takes"
                     : decode ? "a token takes"
                              : "the first token takes";
  miss.text = fmt::format("{}: with the smallest batch {} {}, {} are asked for",
                          option_text(question, candidate.option), what, format_time(reached),
                          format_time(target));
  miss.mend = fmt::format("a target of {}, faster GPUs, or other instances and policies",
                          format_time(reached));
  return miss;
}

Miss no_room(const PlanQuestion& question, const Candidate& candidate) {
  return {.ratio = candidate.room.lack,
          .text = fmt::format("{}: {}", option_text(question, candidate.option), candidate.why),
          .mend = candidate.room.way_out};
}

Miss cannot_run(const PlanQuestion& question, const Candidate& candidate) {
  return {.ratio = 0,
          .text = fmt::format("{} cannot be run: {}", option_text(question, candidate.option),
                              candidate.why),
          .mend = candidate.room.way_out};
}

// The options of a pool, none of which came to an operating point.
std::optional<Miss> miss_of_pool(const PlanQuestion& question,
                                 const std::vector<Candidate>& candidates, std::size_t cluster,
                                 PlanPoolKind pool) {
  std::optional<Miss> nearest;
  for (const Candidate& candidate : candidates) {
    if (candidate.option.cluster != cluster || candidate.option.pool != pool) continue;
    if (candidate.decided) return std::nullopt;
    if (candidate.state == OptionState::kPruned) continue;
    Miss miss = candidate.state == OptionState::kTooSlow  ? too_slow(question, candidate)
                : candidate.state == OptionState::kNoRoom ? no_room(question, candidate)
                                                          : cannot_run(question, candidate);
    miss.cluster = cluster;
    miss.pool = pool;
    // An option that cannot be run at all is further away than any that can.
    const bool nearer =
        !nearest || (miss.ratio > 0 && (nearest->ratio == 0 || miss.ratio < nearest->ratio));
    if (nearer) nearest = std::move(miss);
  }
  if (!nearest)
    nearest = Miss{
        .cluster = cluster,
        .pool = pool,
        .text = fmt::format("{}: no instance is as small as max_nodes, {}",
                            question.clusters[cluster].name, question.clusters[cluster].max_nodes),
        .mend = "a larger max_nodes, or smaller instances"};
  return nearest;
}

}  // namespace

Miss miss_of(const PlanQuestion& question, const std::vector<Candidate>& candidates,
             std::size_t cluster) {
  for (const PlanPoolKind pool : {PlanPoolKind::kDecode, PlanPoolKind::kPrefill}) {
    if (!pool_of(question, pool).planned) continue;
    if (auto miss = miss_of_pool(question, candidates, cluster, pool)) return *miss;
  }
  const PlanCluster& about = question.clusters[cluster];
  const Deployment needed = *unlimited_deployment(question, candidates, cluster);
  Miss miss{.cluster = cluster, .ratio = 1.0 * needed.nodes / about.max_nodes};
  miss.text = fmt::format("{}: {} nodes are needed, {} there are at most", about.name, needed.nodes,
                          about.max_nodes);
  miss.mend = fmt::format("max_nodes: {}", needed.nodes);
  // The largest part of the workload that fits, in steps of a thousandth.
  const int part = last_that_holds(0, 1000, [&](int thousandths) {
    return deployment_of(question, candidates, cluster, thousandths / 1000.0).has_value();
  });
  if (part > 0) miss.mend += fmt::format(", or {} of the workload", format_percent(part / 1000.0));
  return miss;
}

}  // namespace moesim
