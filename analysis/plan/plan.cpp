#include "analysis/plan/plan.hpp"

#include <algorithm>

#include "analysis/plan/candidates.hpp"
#include "analysis/plan/misses.hpp"
#include "analysis/plan/pareto.hpp"
#include "analysis/plan/sensitivity.hpp"
#include "analysis/plan/sizing.hpp"
#include "sim/append_new.hpp"

namespace moesim {
namespace {

// What the simulator said of the steps in use, each once.
std::vector<std::string> warnings_of(const PlanAnswer& answer) {
  std::vector<std::string> warnings;
  for (const Candidate& candidate : answer.candidates)
    if (candidate.decided) append_new(warnings, candidate.decided->step.warnings);
  return warnings;
}

void sort_misses(std::vector<Miss>& misses) {
  std::stable_sort(misses.begin(), misses.end(), [](const Miss& a, const Miss& b) {
    if ((a.ratio > 0) != (b.ratio > 0)) return a.ratio > 0;
    return a.ratio < b.ratio;
  });
}

}  // namespace

PlanAnswer make_plan(const PlanQuestion& question, StepSource& source) {
  PlanAnswer answer{.candidates = decide_candidates(question, source)};
  for (std::size_t c = 0; c < question.clusters.size(); ++c) {
    if (auto deployment = deployment_of(question, answer.candidates, c))
      answer.deployments.push_back(std::move(*deployment));
    else
      answer.misses.push_back(miss_of(question, answer.candidates, c));
  }
  sort_misses(answer.misses);
  answer.smallest = smallest_of(answer.deployments);
  answer.cheapest = cheapest_of(answer.deployments);
  add_ladder(source, answer.deployments, answer.candidates);
  answer.pareto = pareto_of(answer.candidates);
  add_bands(question, source, answer.candidates, answer.deployments);
  if (answer.cheapest) {
    std::vector<std::size_t> chosen = {*answer.cheapest};
    if (*answer.smallest != *answer.cheapest) chosen.push_back(*answer.smallest);
    answer.what_ifs = what_ifs_of(question, source, answer.candidates, answer.deployments, chosen);
  }
  answer.growth = growth_of(question, answer.candidates);
  answer.warnings = warnings_of(answer);
  answer.simulated = source.simulated();
  return answer;
}

}  // namespace moesim
