#include "analysis/plan/question.hpp"

#include <fmt/format.h>

namespace moesim {

std::string option_text(const PlanQuestion& question, const PlanOption& option) {
  return fmt::format("{}, {} node{}, {}", question.clusters[option.cluster].name, option.nodes,
                     option.nodes == 1 ? "" : "s",
                     pool_of(question, option.pool).policies[option.policy].name);
}

std::string pool_text(PlanPoolKind kind) {
  return kind == PlanPoolKind::kDecode ? "decode" : "prefill";
}

double demand(const PlanQuestion& question, PlanPoolKind kind) {
  const double rate =
      kind == PlanPoolKind::kDecode ? question.workload.output : question.workload.input;
  return rate * (1 + question.targets.headroom);
}

}  // namespace moesim
