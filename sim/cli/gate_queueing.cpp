// Cases of capacity: who gets a place in an expert's buffer, system by system.
#include <algorithm>

#include "sim/capacity/capacity_formula.hpp"
#include "sim/capacity/slots.hpp"
#include "sim/cli/gate_case.hpp"
#include "sim/gate/losses.hpp"
#include "sim/gate/top_k.hpp"
#include "sim/gate/two_level.hpp"

namespace moesim {
namespace {

int capacity_by(const char* formula, const GateCase& gate_case, const CaseMatrix& matrix, int top_k,
                int largest_need = 0) {
  return find_capacity_formula(formula)->capacity(
      {.tokens = matrix.rows,
       .top_k = top_k,
       .experts = matrix.columns,
       .factor = gate_case.number("capacity_factor"),
       .minimum =
           gate_case.integer("min_capacity", find_capacity_formula(formula)->default_minimum),
       .largest_need = largest_need,
       .alignment = gate_case.integer("alignment", 1)});
}

// Per choice: [top_k][tokens].
template <class T, class Value>
Json by_choice(std::span<const T> routes, int top_k, Value value) {
  Json rows = Json::array();
  const auto width = static_cast<std::size_t>(top_k);
  for (std::size_t choice = 0; choice < width; ++choice) {
    Json row = Json::array();
    for (std::size_t at = choice; at < routes.size(); at += width) row.push_back(value(at));
    rows.push_back(std::move(row));
  }
  return rows;
}

// Megatron: drops by weight or by position, weights stay as they were.
Json capacity_drop(const GateCase& gate_case) {
  const CaseMatrix matrix = gate_case.matrix("logits");
  const int top_k = gate_case.top_k(matrix.columns);
  const Gating gating = gate_case.flag("use_pre_softmax")
                            ? softmax_then_topk(matrix.logits(), {.top_k = top_k})
                            : topk_then_softmax(matrix.logits(), top_k);
  const int capacity = capacity_by("megatron", gate_case, matrix, top_k);
  std::vector<std::uint8_t> kept(gating.ids.size());
  if (gate_case.text("drop_policy") == "probs") {
    kept = largest_kept(gating.ids, gating.weights, matrix.columns, capacity);
  } else {
    const std::vector<int> places = queue_places(gating.ids, top_k, matrix.columns, {});
    for (std::size_t at = 0; at < kept.size(); ++at) kept[at] = places[at] < capacity ? 1 : 0;
  }
  std::vector<std::int16_t> after = gating.ids;
  std::vector<float> probabilities(matrix.values.size(), 0);
  std::vector<std::pair<std::size_t, int>> dropped;
  for (std::size_t at = 0; at < kept.size(); ++at) {
    const std::size_t token = at / static_cast<std::size_t>(top_k);
    const auto expert = static_cast<std::size_t>(gating.ids[at]);
    if (kept[at] != 0) {
      probabilities[token * static_cast<std::size_t>(matrix.columns) + expert] = gating.weights[at];
    } else {
      dropped.emplace_back(token, gating.ids[at]);
      after[at] = -1;
    }
  }
  std::sort(dropped.begin(), dropped.end());
  const Json counts = counts_json(after, matrix.columns);
  const bool pad = gate_case.flag("pad_to_capacity");
  return {
      {"expert_capacity", capacity},
      {"tokens_per_expert_before", counts_json(gating.ids, matrix.columns)},
      {"tokens_per_expert_after", counts},
      {"real_tokens_after", counts},
      {"slots_used_after",
       pad ? Json(std::vector<int>(static_cast<std::size_t>(matrix.columns), capacity)) : counts},
      {"dropped", dropped},
      {"probs_after", rows_json(std::span<const float>(probabilities), matrix.columns)}};
}

// DeepSpeed drops a route where it stands: expert −1, slot 0, gate 0.
Json deepspeed_json(const Gating& gating, int experts, int capacity,
                    const std::vector<std::uint8_t>& kept, bool renormalize) {
  std::vector<std::int16_t> after = gating.ids;
  std::vector<float> gates = gating.weights;
  for (std::size_t at = 0; at < kept.size(); ++at) {
    if (kept[at] != 0) continue;
    after[at] = -1;
    gates[at] = 0;
  }
  for (int token = 0; token < gating.tokens() && renormalize; ++token)
    normalize_row(row_of(std::span(gates), token, gating.top_k), 0);
  // Of the kept routes of top-1 and top-k alone; top-2 keeps the places of the full queue.
  const std::vector<int> places =
      queue_places(gating.top_k == 2 ? gating.ids : after, gating.top_k, experts,
                   {.order = gating.top_k == 2 ? QueueOrder::kChoices : QueueOrder::kTokens});
  const std::span<const std::int16_t> routes(after);
  return {
      {"capacity", capacity},
      {"route_expert", by_choice(routes, gating.top_k, [&](std::size_t at) { return after[at]; })},
      {"route_slot", by_choice(routes, gating.top_k,
                               [&](std::size_t at) { return after[at] < 0 ? 0 : places[at]; })},
      {"route_gate", by_choice(routes, gating.top_k, [&](std::size_t at) { return gates[at]; })},
      {"exp_counts_before_drop", counts_json(gating.ids, experts)}};
}

std::vector<std::uint8_t> kept_by_place(const Gating& gating, int experts, int capacity,
                                        QueueOrder order) {
  std::vector<std::uint8_t> kept;
  for (const int place : queue_places(gating.ids, gating.top_k, experts, {.order = order}))
    kept.push_back(place < capacity ? 1 : 0);
  return kept;
}

Json deepspeed_top1(const GateCase& gate_case) {
  const CaseMatrix matrix = gate_case.matrix("logits");
  const Gating gating = softmax_then_topk(matrix.logits(), {.top_k = 1});
  const int capacity = capacity_by("deepspeed", gate_case, matrix, 1);
  std::vector<std::uint8_t> kept;
  if (gate_case.flag("use_rts")) {
    const CaseMatrix uniforms = gate_case.matrix("rts_uniforms", matrix);
    std::vector<float> keys;
    for (int token = 0; token < matrix.rows; ++token)
      keys.push_back(uniforms.logits().of(
          token)[static_cast<std::size_t>(gating.ids[static_cast<std::size_t>(token)])]);
    kept = largest_kept(gating.ids, keys, matrix.columns, capacity);
  } else {
    kept = kept_by_place(gating, matrix.columns, capacity, QueueOrder::kTokens);
  }
  Json computed = deepspeed_json(gating, matrix.columns, capacity, kept, false);
  computed["l_aux"] = gshard_loss(balance_sums(gating, matrix.columns, 0, matrix.rows));
  return computed;
}

Json deepspeed_top2(const GateCase& gate_case) {
  const CaseMatrix matrix = gate_case.matrix("logits");
  if (gate_case.flag("top2_2nd_expert_sampling"))
    gate_case.refuse("params.top2_2nd_expert_sampling draws numbers that the case does not give");
  const Gating gating = softmax_then_topk(matrix.logits(), {.top_k = 2});
  const int capacity = capacity_by("deepspeed", gate_case, matrix, 2);
  Json computed =
      deepspeed_json(gating, matrix.columns, capacity,
                     kept_by_place(gating, matrix.columns, capacity, QueueOrder::kChoices), true);
  computed["l_aux"] = gshard_loss(balance_sums(gating, matrix.columns, 0, matrix.rows));
  return computed;
}

Json deepspeed_topk(const GateCase& gate_case) {
  const CaseMatrix matrix = gate_case.matrix("logits");
  const int top_k = gate_case.top_k(matrix.columns);
  const Gating gating = softmax_then_topk(matrix.logits(), {.top_k = top_k});
  const int capacity = capacity_by("deepspeed", gate_case, matrix, top_k);
  const bool by_weight = gate_case.text("drop_policy") == "probs";
  Json computed = deepspeed_json(
      gating, matrix.columns, capacity,
      by_weight ? largest_kept(gating.ids, gating.weights, matrix.columns, capacity)
                : kept_by_place(gating, matrix.columns, capacity, QueueOrder::kTokens),
      true);
  computed["l_aux"] = switch_loss(balance_sums(gating, matrix.columns, 0, matrix.rows));
  return computed;
}

Json tutel(const GateCase& gate_case) {
  const CaseMatrix matrix = gate_case.matrix("logits");
  const int top_k = gate_case.top_k(matrix.columns);
  Gating gating = softmax_then_topk(matrix.logits(), {.top_k = top_k});
  std::vector<int> order;
  if (gate_case.flag("batch_prioritized_routing")) order = by_priority(gating.weights, top_k);
  const BalanceSums sums = balance_sums(gating, matrix.columns, 0, matrix.rows);
  if (gate_case.flag("normalize_gate") && top_k > 1)
    for (int token = 0; token < gating.tokens(); ++token)
      normalize_row(gating.weights_of(token), 0);
  const int need = static_cast<int>(*std::max_element(sums.routes.begin(), sums.routes.end()));
  const int capacity = capacity_by("tutel", gate_case, matrix, top_k, need);
  const std::vector<int> places = queue_places(gating.ids, top_k, matrix.columns,
                                               {.order = QueueOrder::kChoices, .tokens = order});
  Json dropped = Json::array();
  for (std::size_t choice = 0; choice < static_cast<std::size_t>(top_k); ++choice)
    for (std::size_t at = choice; at < places.size(); at += static_cast<std::size_t>(top_k))
      if (places[at] >= capacity) dropped.push_back({choice, at / static_cast<std::size_t>(top_k)});
  const std::span<const std::int16_t> routes(gating.ids);
  return {
      {"capacity", capacity},
      {"route_expert", by_choice(routes, top_k, [&](std::size_t at) { return gating.ids[at]; })},
      {"route_slot", by_choice(routes, top_k, [&](std::size_t at) { return places[at]; })},
      {"route_gate", by_choice(routes, top_k, [&](std::size_t at) { return gating.weights[at]; })},
      {"dropped", dropped},
      {"dispatch_count", counts_json(gating.ids, matrix.columns)},
      {"l_aux", gshard_loss(sums)}};
}

SecondPolicy second_policy(const GateCase& gate_case) {
  const std::map<std::string, SecondPolicy> known = {{"all", SecondPolicy::kAll},
                                                     {"none", SecondPolicy::kNone},
                                                     {"threshold", SecondPolicy::kThreshold},
                                                     {"random", SecondPolicy::kRandom}};
  const auto found = known.find(gate_case.text("second_policy"));
  if (found == known.end())
    gate_case.refuse("unknown params.second_policy", "known: all, none, threshold, random");
  return found->second;
}

Json gshard(const GateCase& gate_case) {
  const CaseMatrix matrix = gate_case.matrix("logits");
  if (matrix.columns < 2) gate_case.refuse("a top-2 gate needs two experts");
  const GshardRule rule{.second = second_policy(gate_case),
                        .threshold = gate_case.number("second_threshold", 0.2)};
  std::vector<double> uniforms;
  if (rule.second == SecondPolicy::kRandom)
    uniforms = gate_case.uniforms("uniforms", static_cast<std::size_t>(matrix.rows));
  const Gating gating = gshard_top2(matrix.logits(), rule, uniforms);
  const int capacity = gate_case.has("expert_capacity")
                           ? gate_case.integer("expert_capacity")
                           : capacity_by("mesh_tf", gate_case, matrix, 2);
  const std::vector<int> places = queue_places(gating.ids, 2, matrix.columns,
                                               {.order = QueueOrder::kChoices, .behind = capacity});
  Json routes[2] = {Json::array(), Json::array()}, requested = Json::array();
  for (std::size_t at = 0; at < places.size(); ++at) {
    const bool kept = gating.ids[at] >= 0 && places[at] < capacity;
    routes[at % 2].push_back(kept ? Json{gating.ids[at], places[at], gating.weights[at]}
                                  : Json{-1, -1, 0.0});
    if (at % 2 == 1) requested.push_back(gating.ids[at] >= 0);
  }
  return {{"first", routes[0]},
          {"second", routes[1]},
          {"second_requested", requested},
          {"l_aux", gshard_loss(balance_sums(gating, matrix.columns, 0, matrix.rows))}};
}

// Flaxformer and V-MoE: choice by choice, the most certain tokens first if they are prioritized.
Json tokens_choose(const GateCase& gate_case) {
  const CaseMatrix matrix = gate_case.matrix("logits");
  const int top_k = gate_case.top_k(matrix.columns);
  const Gating gating = softmax_then_topk(
      matrix.logits(), {.top_k = top_k, .normalize = gate_case.flag("normalize")});
  std::vector<int> order;
  if (gate_case.flag("batch_prioritized")) order = by_priority(gating.weights, top_k);
  const int capacity = gate_case.integer("expert_capacity");
  const std::vector<int> places = queue_places(gating.ids, top_k, matrix.columns,
                                               {.order = QueueOrder::kChoices, .tokens = order});
  Json dropped = Json::array();
  for (std::size_t at = 0; at < places.size(); ++at)
    if (places[at] >= capacity)
      dropped.push_back(
          {at / static_cast<std::size_t>(top_k), at % static_cast<std::size_t>(top_k)});
  return {{"topk_ids", ids_json(gating)},
          {"slot", rows_json(std::span(places), top_k)},
          {"dropped", dropped},
          {"gates", weights_json(gating)}};
}

}  // namespace

std::map<std::string, GatePolicy> queueing_policies() {
  return {{"capacity_drop", capacity_drop},
          {"top1gating", deepspeed_top1},
          {"top2gating", deepspeed_top2},
          {"topkgating", deepspeed_topk},
          {"tutel_topk", tutel},
          {"gshard_top2", gshard},
          {"tokens_choose", tokens_choose}};
}

}  // namespace moesim
