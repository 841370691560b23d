// Cases in which tokens and experts are given to each other.
#include "sim/capacity/capacity_formula.hpp"
#include "sim/cli/gate_case.hpp"
#include "sim/gate/assignment.hpp"

namespace moesim {
namespace {

// As given, or by a system's formula.
int capacity_of(const GateCase& gate_case, const CaseMatrix& matrix, const char* formula,
                int minimum) {
  if (gate_case.has("expert_capacity")) return gate_case.integer("expert_capacity");
  return find_capacity_formula(formula)->capacity(
      {.tokens = matrix.rows,
       .top_k = gate_case.integer("topk", 1),
       .experts = matrix.columns,
       .factor = gate_case.number("capacity_factor"),
       .minimum = gate_case.integer("min_capacity", minimum)});
}

Json sinkhorn_case(const GateCase& gate_case) {
  const CaseMatrix matrix = gate_case.matrix("logits");
  const auto tolerance = static_cast<float>(gate_case.number("tol", 1e-4));
  const Gating gating = sinkhorn_topk(matrix.logits(), gate_case.top_k(matrix.columns), tolerance);
  const std::vector<float> norm = sinkhorn(matrix.logits(), tolerance);
  return {{"topk_ids", ids_json(gating)},
          {"topk_weights", weights_json(gating)},
          {"norm", rows_json(std::span(norm), matrix.columns)},
          {"tokens_per_expert", counts_json(gating.ids, matrix.columns)}};
}

Json quantile_case(const GateCase& gate_case) {
  const CaseMatrix matrix = gate_case.matrix("logits");
  const int top_k = gate_case.top_k(matrix.columns);
  if (matrix.rows * top_k % matrix.columns != 0)
    gate_case.refuse("tokens · topk must be a multiple of the experts");
  if (top_k == matrix.columns) gate_case.refuse("params.topk must leave an expert out");
  std::vector<float> beta = gate_case.vector("beta");
  beta.resize(static_cast<std::size_t>(matrix.columns), 0);
  const bool softmax = gate_case.text("score_function", "sigmoid") == "softmax";
  const QuantileStep step = quantile_balancing(
      matrix.logits(), top_k, softmax ? ScoreFunction::kSoftmax : ScoreFunction::kSigmoid, beta);
  return {{"step1_topk_ids", ids_json(step.gating)}, {"beta_after_step1", step.beta}};
}

Json expert_choice_case(const GateCase& gate_case) {
  const CaseMatrix matrix = gate_case.matrix("logits");
  CaseMatrix gates = matrix;
  gates.values = gate_case.text("softmax_over", "experts") == "tokens"
                     ? softmax_over_tokens(matrix.logits())
                     : score_all(ScoreFunction::kSoftmax, matrix.logits());
  const std::vector<int> chosen =
      expert_choice(gates.logits(), capacity_of(gate_case, matrix, "flaxformer", 1));
  const std::size_t each = chosen.size() / static_cast<std::size_t>(matrix.columns);
  Json assignment = Json::array();
  std::vector<int> experts_per_token(static_cast<std::size_t>(matrix.rows));
  for (std::size_t expert = 0; expert < static_cast<std::size_t>(matrix.columns); ++expert) {
    Json tokens = Json::array(), weights = Json::array();
    for (std::size_t i = 0; i < each; ++i) {
      const int token = chosen[expert * each + i];
      ++experts_per_token[static_cast<std::size_t>(token)];
      tokens.push_back(token);
      weights.push_back(gates.logits().of(token)[expert]);
    }
    assignment.push_back({{"expert", expert}, {"tokens", tokens}, {"gates", weights}});
  }
  Json without = Json::array();
  for (std::size_t token = 0; token < experts_per_token.size(); ++token)
    if (experts_per_token[token] == 0) without.push_back(token);
  return {{"assignment", assignment},
          {"experts_per_token", experts_per_token},
          {"tokens_with_no_expert", without}};
}

Json soft_moe_case(const GateCase& gate_case) {
  const CaseMatrix matrix = gate_case.matrix("slot_logits");
  const int experts = gate_case.integer("experts"), each = gate_case.integer("slots_per_expert");
  if (experts < 1 || each < 1 || experts * each != matrix.columns)
    gate_case.refuse("inputs.slot_logits must have experts · slots_per_expert columns");
  const SoftSlots slots = soft_moe(matrix.logits());
  return {{"dispatch_weights", rows_json(std::span<const float>(slots.dispatch), matrix.columns)},
          {"combine_weights", rows_json(std::span<const float>(slots.combine), matrix.columns)},
          {"tokens_per_expert_slots", std::vector<int>(static_cast<std::size_t>(experts), each)}};
}

Json ntlb_case(const GateCase& gate_case) {
  const CaseMatrix matrix = gate_case.matrix("logits");
  const NtlbRouting routing = no_token_left_behind(matrix.logits(), gate_case.top_k(matrix.columns),
                                                   capacity_of(gate_case, matrix, "mesh_tf", 4));
  Json route = Json::array(), dropped = Json::array();
  for (std::size_t token = 0; token < routing.slot.size(); ++token) {
    route.push_back({routing.gating.ids[token], routing.slot[token], routing.choice[token]});
    if (routing.choice[token] < 0) dropped.push_back(token);
  }
  return {{"route", route}, {"dropped", dropped}, {"load", routing.load}};
}

}  // namespace

std::map<std::string, GatePolicy> assignment_policies() {
  return {{"sinkhorn", sinkhorn_case},
          {"quantile_balancing", quantile_case},
          {"expert_choice", expert_choice_case},
          {"soft_moe", soft_moe_case},
          {"ntlb", ntlb_case}};
}

}  // namespace moesim
