#include "analysis/plan/candidates.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "analysis/format.hpp"
#include "analysis/plan/batch_search.hpp"
#include "analysis/plan/sizing.hpp"

namespace moesim {
namespace {

// How far the analytic bound may be off when options are left out by it.
constexpr double kScreeningMargin = 0.1;
constexpr int kMostPromptTokens = 65536;  // of a GPU in a step

void add_options(const PlanQuestion& question, PlanPoolKind kind,
                 std::vector<PlanOption>& options) {
  const PlanPool& pool = pool_of(question, kind);
  if (!pool.planned) return;
  for (std::size_t c = 0; c < question.clusters.size(); ++c) {
    const PlanCluster& cluster = question.clusters[c];
    const std::vector<int>& own =
        kind == PlanPoolKind::kDecode ? cluster.decode_nodes : cluster.prefill_nodes;
    for (const int nodes : own.empty() ? pool.nodes : own)
      for (std::size_t p = 0; p < pool.policies.size() && nodes <= cluster.max_nodes; ++p)
        options.push_back({.pool = kind, .cluster = c, .policy = p, .nodes = nodes});
  }
}

std::vector<int> grid_of(const PlanQuestion& question, const Candidate& candidate) {
  if (candidate.option.pool == PlanPoolKind::kDecode)
    return batch_grid(candidate.room.batch, question.batch_step);
  const int most = std::max(1, kMostPromptTokens / question.workload.prompt);
  std::vector<int> grid;
  for (const int prompts : {1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64})
    if (prompts <= std::min(candidate.room.batch, most)) grid.push_back(prompts);
  return grid;
}

void look_at_memory(const PlanQuestion& question, StepSource& source,
                    std::vector<Candidate>& candidates) {
  std::vector<PlanOption> options;
  for (const Candidate& candidate : candidates) options.push_back(candidate.option);
  std::vector<OptionRoom> rooms = source.rooms(options);
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    Candidate& candidate = candidates[i];
    candidate.room = std::move(rooms[i]);
    if (candidate.room.batch > 0) {
      candidate.grid = grid_of(question, candidate);
      continue;
    }
    candidate.state = candidate.room.impossible ? OptionState::kImpossible : OptionState::kNoRoom;
    candidate.why = candidate.room.why_not;
  }
}

// Usual batches. The largest that fit into memory would be slow to simulate where models are small.
int first_guess(const PlanQuestion& question, PlanPoolKind pool) {
  constexpr int kSequences = 128, kPromptTokens = 8192;
  return pool == PlanPoolKind::kDecode ? kSequences
                                       : std::max(1, kPromptTokens / question.workload.prompt);
}

// Searches the batches of the candidates that are in.
std::vector<BatchResult> search(const PlanQuestion& question, StepSource& source,
                                const std::vector<Candidate*>& chosen, bool screening) {
  std::vector<BatchTask> tasks;
  for (const Candidate* candidate : chosen) {
    BatchTask task{.option = candidate->option,
                   .grid = candidate->grid,
                   .limit = step_limit(question, *candidate),
                   .screening = screening};
    task.guess = candidate->screened ? candidate->screened->batch
                                     : first_guess(question, candidate->option.pool);
    tasks.push_back(std::move(task));
  }
  return search_batches(source, tasks);
}

void note_miss(const PlanQuestion& question, const BatchResult& result, Candidate& candidate) {
  candidate.state = OptionState::kTooSlow;
  if (result.seen.empty()) {
    candidate.state = OptionState::kImpossible;
    candidate.why = result.why_not;
    return;
  }
  candidate.fastest = result.seen.front();
  candidate.why = fmt::format("a step of the smallest batch takes {}, {} are allowed",
                              format_time(candidate.fastest->answer.step),
                              format_time(step_limit(question, candidate)));
}

void screen(const PlanQuestion& question, StepSource& source, std::vector<Candidate>& candidates) {
  std::vector<Candidate*> chosen;
  for (Candidate& candidate : candidates)
    if (!candidate.grid.empty()) chosen.push_back(&candidate);
  const std::vector<BatchResult> results = search(question, source, chosen, true);
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    const auto& seen = results[i].seen;
    const Seconds limit = step_limit(question, *chosen[i]);
    if (results[i].best)
      chosen[i]->screened = operating_point(*chosen[i], *results[i].best);
    else if (!seen.empty() && seen.front().answer.step <= limit * (1 + kScreeningMargin))
      chosen[i]->screened = operating_point(*chosen[i], seen.front());  // the bound may be high
    else
      note_miss(question, results[i], *chosen[i]);
  }
}

int nodes_needed(const PlanQuestion& question, const Candidate& candidate, double margin) {
  const double rate = candidate.screened->step.tokens_per_s * margin;
  return candidate.option.nodes * instances_for(demand(question, candidate.option.pool), rate);
}

double rate_per_node(const Candidate& candidate) {
  return candidate.screened->step.tokens_per_s / candidate.option.nodes;
}

// Of each cluster and pool: those that may need the fewest nodes, the best first.
std::vector<Candidate*> finalists(const PlanQuestion& question, std::vector<Candidate>& candidates,
                                  PlanPoolKind pool, std::size_t cluster) {
  std::vector<Candidate*> group;
  for (Candidate& candidate : candidates)
    if (candidate.screened && candidate.option.pool == pool && candidate.option.cluster == cluster)
      group.push_back(&candidate);
  std::stable_sort(group.begin(), group.end(), [&](const Candidate* a, const Candidate* b) {
    const int left = nodes_needed(question, *a, 1), right = nodes_needed(question, *b, 1);
    if (left != right) return left < right;
    return rate_per_node(*a) > rate_per_node(*b);
  });
  if (group.empty()) return group;
  const int best = nodes_needed(question, *group.front(), 1 / (1 + kScreeningMargin));
  // Where demand grows, what counts is what a node yields.
  const Candidate* const thriftiest = *std::max_element(
      group.begin(), group.end(),
      [](const Candidate* a, const Candidate* b) { return rate_per_node(*a) < rate_per_node(*b); });
  for (std::size_t i = 0; i < group.size(); ++i) {
    const bool needs_more = nodes_needed(question, *group[i], 1 + kScreeningMargin) > best;
    const bool full = i >= static_cast<std::size_t>(question.finalists);
    if (group[i] == thriftiest || !(needs_more || full)) continue;
    group[i]->why = fmt::format("the analytic bound gives {} nodes, {} gets by with {}",
                                nodes_needed(question, *group[i], 1),
                                option_text(question, group.front()->option),
                                nodes_needed(question, *group.front(), 1));
    group[i] = nullptr;
  }
  std::erase(group, nullptr);
  return group;
}

void decide(const PlanQuestion& question, StepSource& source, std::vector<Candidate>& candidates) {
  std::vector<Candidate*> chosen;
  for (const PlanPoolKind pool : {PlanPoolKind::kDecode, PlanPoolKind::kPrefill})
    for (std::size_t c = 0; c < question.clusters.size(); ++c)
      for (Candidate* candidate : finalists(question, candidates, pool, c))
        chosen.push_back(candidate);
  const std::vector<BatchResult> results = search(question, source, chosen, false);
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    chosen[i]->seen = results[i].seen;
    if (results[i].best) {
      chosen[i]->state = OptionState::kDecided;
      chosen[i]->decided = operating_point(*chosen[i], *results[i].best);
    } else {
      note_miss(question, results[i], *chosen[i]);
    }
  }
}

}  // namespace

std::vector<PlanOption> options_of(const PlanQuestion& question) {
  std::vector<PlanOption> options;
  for (const PlanPoolKind pool : {PlanPoolKind::kDecode, PlanPoolKind::kPrefill})
    add_options(question, pool, options);
  return options;
}

Seconds step_limit(const PlanQuestion& question, const Candidate& candidate, double slower) {
  const PlanTargets& targets = question.targets;
  Seconds limit = kForever;
  if (candidate.option.pool == PlanPoolKind::kPrefill) {
    if (targets.ttft.value > 0) limit = targets.ttft / kStepsToFirstToken;
  } else {
    if (targets.tpot.value > 0) limit = targets.tpot * candidate.room.yield;
    if (targets.step.value > 0) limit = std::min(limit, targets.step);
  }
  return limit / slower;
}

OperatingPoint operating_point(const Candidate& candidate, const SeenBatch& seen, double slower) {
  OperatingPoint point{.batch = seen.batch, .step = seen.answer};
  point.step.step *= slower;
  point.step.tokens_per_s /= slower;
  point.latency = candidate.option.pool == PlanPoolKind::kPrefill
                      ? point.step.step * kStepsToFirstToken
                      : point.step.step / point.step.yield;
  return point;
}

std::vector<Candidate> decide_candidates(const PlanQuestion& question, StepSource& source) {
  std::vector<Candidate> candidates;
  for (const PlanOption& option : options_of(question)) candidates.push_back({.option = option});
  look_at_memory(question, source, candidates);
  screen(question, source, candidates);
  decide(question, source, candidates);
  return candidates;
}

}  // namespace moesim
