#include "analysis/plan/question.hpp"

#include <fmt/format.h>

#include "analysis/format.hpp"

namespace moesim {

std::string option_text(const PlanQuestion& question, const PlanOption& option) {
  return fmt::format("{}, {}, {}", question.clusters[option.cluster].name,
                     count_text(option.nodes, "node"),
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
