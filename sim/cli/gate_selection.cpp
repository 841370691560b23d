// Cases in which every token chooses for itself, and the losses of such a choice.
#include <algorithm>
#include <limits>

#include "sim/cli/gate_case.hpp"
#include "sim/gate/losses.hpp"
#include "sim/gate/sampling.hpp"
#include "sim/gate/top_k.hpp"

namespace moesim {
namespace {

Json chosen(const Gating& gating) {
  return {{"topk_ids", ids_json(gating)}, {"topk_weights", weights_json(gating)}};
}

ScoreFunction score_of(const GateCase& gate_case, const std::string& fallback) {
  const std::string name = gate_case.text("score_function", fallback);
  if (name == "softmax") return ScoreFunction::kSoftmax;
  if (name == "sigmoid") return ScoreFunction::kSigmoid;
  if (name == "sqrtsoftplus") return ScoreFunction::kSqrtSoftplus;
  gate_case.refuse("unknown params.score_function '" + name + "'",
                   "known: softmax, sigmoid, sqrtsoftplus");
}

float mask_of(const GateCase& gate_case) {
  const std::string text = gate_case.text("mask_value", "-inf");
  if (text == "-inf") return -std::numeric_limits<float>::infinity();
  if (text == "0.0" || text == "0") return 0;
  gate_case.refuse("params.mask_value must be '-inf' or '0.0'");
}

GroupLimit limit_of(const GateCase& gate_case, const char* kept, int best, int experts) {
  const int groups = gate_case.integer("num_groups", 1);
  const GroupLimit limit{.groups = groups,
                         .kept = gate_case.integer(kept, groups),
                         .best = best,
                         .masked = mask_of(gate_case)};
  if (groups < 1 || experts % groups != 0)
    gate_case.refuse("params.num_groups does not divide the experts");
  if (limit.kept < 1 || limit.kept > groups)
    gate_case.refuse(std::string("params.") + kept + " must be 1 up to the number of groups");
  return limit;
}

// Empty where the case has none.
std::vector<float> bias_of(const GateCase& gate_case, int experts) {
  std::vector<float> bias = gate_case.vector("bias");
  if (!bias.empty() && static_cast<int>(bias.size()) != experts)
    gate_case.refuse("inputs.bias must have a number for each expert");
  return bias;
}

// DeepSeek's, Hugging Face's and SGLang's gates.
Json group_limited(const GateCase& gate_case, ScoreFunction score) {
  const CaseMatrix matrix = gate_case.matrix("logits");
  const int best = gate_case.text("group_score", "max") == "sum_top2" ? 2 : 1;
  const TopKRule rule{.top_k = gate_case.top_k(matrix.columns),
                      .score = score,
                      .normalize = gate_case.flag("normalize"),
                      .epsilon = static_cast<float>(gate_case.number("norm_eps", 0)),
                      .scale = static_cast<float>(gate_case.number("route_scale", 1)),
                      .limit = limit_of(gate_case, "topk_groups", best, matrix.columns)};
  const Gating gating = choose_top_k(matrix.logits(), rule, bias_of(gate_case, matrix.columns));
  Json computed = chosen(gating);
  Json& sorted = computed["topk_ids_sorted"] = computed["topk_ids"];
  for (Json& row : sorted) std::sort(row.begin(), row.end());
  return computed;
}

Gating megatron(const GateCase& gate_case, const CaseMatrix& matrix) {
  const int top_k = gate_case.top_k(matrix.columns);
  const int kept = gate_case.integer("group_topk", 1);
  const GroupLimit limit =
      limit_of(gate_case, "group_topk", std::max(1, top_k / std::max(1, kept)), matrix.columns);
  const auto scale = static_cast<float>(gate_case.number("scaling_factor", 1));
  const ScoreFunction score = score_of(gate_case, "softmax");
  if (score == ScoreFunction::kSoftmax && !gate_case.flag("use_pre_softmax"))
    return topk_then_softmax(matrix.logits(), top_k, scale, limit);
  return choose_top_k(matrix.logits(),
                      {.top_k = top_k,
                       .score = score,
                       .normalize = score != ScoreFunction::kSoftmax && top_k > 1,
                       .epsilon = 1e-20F,
                       .scale = scale,
                       .limit = limit},
                      bias_of(gate_case, matrix.columns));
}

// MegaBlocks: route i goes to expert i mod experts; the weights stay those of the router.
Json uniform_assignment(const GateCase& gate_case) {
  const CaseMatrix matrix = gate_case.matrix("logits");
  Gating gating = softmax_then_topk(
      matrix.logits(), {.top_k = gate_case.top_k(matrix.columns),
                        .normalize = gate_case.flag("normalize"),
                        .scale = static_cast<float>(gate_case.number("route_scale", 1))});
  for (std::size_t i = 0; i < gating.ids.size(); ++i)
    gating.ids[i] = static_cast<std::int16_t>(i % static_cast<std::size_t>(matrix.columns));
  return chosen(gating);
}

Json losses(const GateCase& gate_case) {
  const CaseMatrix matrix = gate_case.matrix("logits");
  const Gating gating = megatron(gate_case, matrix);
  const BalanceSums sums = balance_sums(gating, matrix.columns, 0, matrix.rows);
  std::vector<float> bias = bias_of(gate_case, matrix.columns);
  bias.resize(static_cast<std::size_t>(matrix.columns), 0);
  const auto rate = static_cast<float>(gate_case.number("bias_update_rate", 1e-3));
  return {{"tokens_per_expert", counts_json(gating.ids, matrix.columns)},
          {"aux_loss", gate_case.number("aux_coeff", 1) * switch_loss(sums)},
          {"z_loss", gate_case.number("z_coeff", 1) * z_loss(matrix.logits())},
          {"bias_after_one_update", updated_bias(bias, sums.routes, rate)}};
}

Json sampled(const GateCase& gate_case) {
  const CaseMatrix matrix = gate_case.matrix("logits");
  const int top_k = gate_case.top_k(matrix.columns);
  const Gating gating =
      multinomial(matrix.logits(), top_k, static_cast<float>(gate_case.number("temperature", 1)),
                  gate_case.uniforms("uniforms", static_cast<std::size_t>(matrix.rows * top_k)));
  Json computed = chosen(gating);
  if (top_k == 1) computed["expert"] = gating.ids;
  return computed;
}

Json load_balanced(const GateCase& gate_case) {
  const CaseMatrix matrix = gate_case.matrix("logits");
  const int top_k = gate_case.top_k(matrix.columns);
  std::vector<double> load(static_cast<std::size_t>(matrix.columns));
  const Gating gating = load_balanced_sampling(
      matrix.logits(), top_k, gate_case.number("epsilon", 1), {.load = load},
      gate_case.uniforms("uniforms", static_cast<std::size_t>(matrix.rows * top_k)));
  Json computed = chosen(gating);
  if (top_k == 1) computed["expert"] = gating.ids;
  computed["adjusted_probs"] = rows_json(std::span(gating.scores), matrix.columns);
  computed["final_load"] = counts_json(gating.ids, matrix.columns);
  return computed;
}

Json noisy(const GateCase& gate_case) {
  const CaseMatrix matrix = gate_case.matrix("logits");
  return chosen(noisy_topk(matrix.logits(), gate_case.top_k(matrix.columns),
                           gate_case.matrix("noise_logits", matrix).values,
                           static_cast<float>(gate_case.number("noise_epsilon", 0.01)),
                           gate_case.matrix("standard_normal", matrix).values));
}

}  // namespace

std::map<std::string, GatePolicy> selection_policies() {
  const auto limited = [](ScoreFunction score) {
    return [score](const GateCase& gate_case) { return group_limited(gate_case, score); };
  };
  return {{"group_limited_sigmoid_bias", limited(ScoreFunction::kSigmoid)},
          {"noaux_tc", limited(ScoreFunction::kSigmoid)},
          {"group_limited_softmax", limited(ScoreFunction::kSoftmax)},
          {"topk_softmax", limited(ScoreFunction::kSoftmax)},
          {"megatron_topk",
           [](const GateCase& gate_case) {
             return chosen(megatron(gate_case, gate_case.matrix("logits")));
           }},
          {"uniform_expert_assignment", uniform_assignment},
          {"losses", losses},
          {"multinomial", sampled},
          {"load_balanced_sampling", load_balanced},
          {"noisy_topk", noisy}};
}

}  // namespace moesim
