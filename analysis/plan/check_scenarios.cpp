#include <map>
#include <optional>
#include <set>
#include <tuple>

#include "analysis/plan/candidates.hpp"
#include "analysis/plan/read_question.hpp"
#include "analysis/plan/step_scenario.hpp"

namespace moesim {

void check_scenarios(const PlanQuestion& question) {
  // Of each cluster, pool and policy: some size can be read. Mistakes of sections are there
  // whatever the size.
  std::map<std::tuple<PlanPoolKind, std::size_t, std::size_t>, std::optional<InputError>> first;
  for (const PlanOption& option : options_of(question)) {
    const auto [entry, fresh] =
        first.try_emplace({option.pool, option.cluster, option.policy}, std::nullopt);
    if (!fresh && !entry->second) continue;
    try {
      step_scenario(question, trial_query(question, option));
      entry->second.reset();
    } catch (const InputError& error) {
      if (fresh) entry->second = error;
    }
  }
  Mistakes mistakes;
  std::set<std::string> said;
  for (const auto& [key, error] : first)
    if (error && said.insert(error->what()).second) mistakes.add(*error);
  mistakes.throw_if_any();
}

}  // namespace moesim
