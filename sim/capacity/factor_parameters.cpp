#include "sim/capacity/factor_parameters.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sim/base/check.hpp"
#include "sim/capacity/row_multiple.hpp"

namespace moesim {
namespace {

constexpr int kSequence = 4096;  // tokens of a source that are exempt together

DropRule rule_of(const std::string& drop, const std::string& queue) {
  if (drop == "probs" || drop == "device_budget") return DropRule::kWeight;
  if (drop == "rts") return DropRule::kRandom;
  if (drop == "bpr") return DropRule::kPriority;
  return drop == "position" && queue == "choices" ? DropRule::kChoiceOrder : DropRule::kTokenOrder;
}

CapacityScope scope_of(const Arguments& arguments, const CapacityFormula& formula) {
  if (arguments.text("drop") == "device_budget") return CapacityScope::kGpu;
  if (!arguments.has("scope"))
    return formula.per_group ? CapacityScope::kGroup : CapacityScope::kRank;
  const std::string& scope = arguments.text("scope");
  return scope == "gpu"     ? CapacityScope::kGpu
         : scope == "group" ? CapacityScope::kGroup
                            : CapacityScope::kRank;
}

// Stretches of a source's tokens, by chance.
std::vector<std::uint8_t> exempt_tokens(const Routing& routing, double share,
                                        const CapacityRequest& request) {
  std::vector<std::uint8_t> exempt(static_cast<std::size_t>(routing.tokens()), 0);
  if (share <= 0) return {};
  for (const GpuId gpu : routing.counts.row_ids()) {
    Rng rng = request.random.stream(Purpose::kCapacity, request.step.value, -1, gpu.value);
    for (int first = routing.first_token[gpu.index()]; first < routing.first_token[gpu.index() + 1];
         first += kSequence) {
      if (rng.uniform() >= share) continue;
      const int last = std::min(first + kSequence, routing.first_token[gpu.index() + 1]);
      std::fill(exempt.begin() + first, exempt.begin() + last, std::uint8_t{1});
    }
  }
  return exempt;
}

}  // namespace

FactorSettings::FactorSettings(const Arguments& arguments)
    : formula(*find_capacity_formula(arguments.text("formula"))),
      factor(arguments.number("factor")),
      minimum(arguments.has("minimum") ? arguments.integer("minimum") : formula.default_minimum),
      alignment(arguments.integer("alignment")),
      row_multiple(arguments.integer("row_multiple")),
      tries(arguments.integer("max_tries")),
      pad(arguments.flag("pad")),
      renormalize(arguments.flag("renormalize")),
      drop(arguments.text("drop")),
      overflow(arguments.text("overflow")),
      threshold(arguments.number("second_threshold")),
      exempt(arguments.number("exempt")),
      scope(scope_of(arguments, formula)),
      rule(rule_of(drop, arguments.text("queue"))),
      overflow_spot_(arguments.spot("overflow")) {
  check_together(arguments);
}

void FactorSettings::check_together(const Arguments& arguments) const {
  const bool in_range = formula.factor_may_be_zero && scope != CapacityScope::kGpu
                            ? factor >= 0 || formula.name == "tutel"
                            : factor > 0;
  if (!in_range)
    throw InputError(arguments.spot("factor"),
                     fmt::format("factor must be above 0 with formula {}", formula.name),
                     "capacity: {kind: none} drops nothing");
  if (pad && scope != CapacityScope::kRank)
    throw InputError(arguments.spot("pad"), "pad needs a capacity of each source rank",
                     "scope: rank");
  const bool reroutes = reroute_to() != Overflow::kDrop || overflow == "no_drop_pad";
  if (scope == CapacityScope::kGpu && reroutes)
    throw InputError(overflow_spot_,
                     fmt::format("overflow {} needs a capacity of each expert", overflow),
                     "scope: rank, or scope: group");
  if (drop == "device_budget" && arguments.has("scope") && arguments.text("scope") != "gpu")
    throw InputError(arguments.spot("scope"), "a device_budget is of each GPU", "scope: gpu");
}

RoutingDetail FactorSettings::needs() const {
  if (overflow == "next_best") return RoutingDetail::kLogits;
  const bool by_token = rule == DropRule::kRandom || rule == DropRule::kPriority ||
                        scope == CapacityScope::kGpu || reroute_to() != Overflow::kDrop ||
                        overflow == "second_choice_random";
  return by_token ? RoutingDetail::kIds : RoutingDetail::kCounts;
}

std::string FactorSettings::caution(const MoeModel& model) const {
  if (drop != "probs" || model.top_k != 1) return {};
  if (model.score != "post_softmax" && !model.normalize) return {};
  return "capacity: drop probs ranks weights, which are all 1 where a token has one expert";
}

void FactorSettings::check(const MoeModel& model) const {
  if (overflow == "shared_only" && model.shared_experts == 0)
    throw InputError(overflow_spot_, fmt::format("{} has no shared expert", model.name),
                     "overflow: residual");
}

void FactorSettings::refuse_without_weights() const {
  throw InputError(overflow_spot_, "second_choice_random needs the weights of the routes",
                   "a trace with weights, or a gate on router logits");
}

int FactorSettings::capacity(CapacityInput input) const {
  input.factor = factor;
  input.minimum = minimum;
  input.alignment = alignment;
  const int by_formula = formula.capacity(input);
  if (overflow != "no_drop_pad") return by_formula;
  return std::max(by_formula, round_up(input.largest_need, alignment));
}

// Megatron's rank budget: int(T · k · factor), up to a multiple; T is of a source rank.
GpuBudget FactorSettings::gpu_budget(const Routing& routing, const CapacityRequest& request) const {
  MOESIM_CHECK(request.placement != nullptr, "a run knows where the experts are");
  const LayerPlacement& placement = *request.placement;
  const double mean = static_cast<double>(routing.tokens()) * request.model.top_k / routing.gpus();
  GpuBudget budget{.routes = round_up(static_cast<int>(mean * factor), alignment)};
  for (const ExpertId expert : placement.slots_of.ids()) {
    std::vector<int>& gpus = budget.gpus_of.emplace_back();
    for (const SlotId slot : placement.slots_of[expert])
      gpus.push_back(placement.gpu_of(slot).value);
  }
  if (drop == "device_budget") budget.exempt = exempt_tokens(routing, exempt, request);
  return budget;
}

Overflow FactorSettings::reroute_to() const {
  if (overflow == "next_best") return Overflow::kNextBest;
  if (overflow == "local") return Overflow::kLocal;
  return overflow == "least_loaded" ? Overflow::kLeastLoaded : Overflow::kDrop;
}

std::vector<Parameter> factor_parameters() {
  Parameter formula{.name = "formula",
                    .type = ParameterType::kChoice,
                    .doc = "whose rule gives the capacity",
                    .fallback = "megatron"};
  for (const CapacityFormula& known : capacity_formulas()) formula.choices.push_back(known.name);
  return {
      std::move(formula),
      {.name = "factor",
       .type = ParameterType::kNumber,
       .doc = "capacity factor; tutel and megablocks: 0 drops nothing",
       .fallback = "1.25"},
      {.name = "minimum",
       .type = ParameterType::kInteger,
       .doc = "least capacity, for formulas that have one (default: the system's)",
       .minimum = 0},
      {.name = "alignment",
       .type = ParameterType::kInteger,
       .doc = "tutel, no_drop_pad and budgets of a GPU: capacity is a multiple of this",
       .fallback = "1",
       .minimum = 1},
      {.name = "drop",
       .type = ParameterType::kChoice,
       .doc =
           "who stays: first come (position; arrival: by source rank, then token), the largest "
           "weights (probs; without recorded weights the better choices), routes at random (rts), "
           "tokens by their largest weight (bpr), or the largest weights within the budget of a "
           "GPU (device_budget, DeepSeek-V2)",
       .fallback = "position",
       .choices = {"position", "probs", "rts", "bpr", "arrival", "device_budget"}},
      {.name = "queue",
       .type = ParameterType::kChoice,
       .doc = "position: by token (Megatron), or all first choices before all second ones (GShard, "
              "Tutel)",
       .fallback = "tokens",
       .choices = {"tokens", "choices"}},
      {.name = "overflow",
       .type = ParameterType::kChoice,
       .doc = "a dropped route contributes nothing (residual; shared_only says that the shared "
              "expert serves the token), or goes to the token's next best expert with room, to the "
              "widest one on its own GPU (local) or anywhere (least_loaded); no_drop_pad: capacity "
              "rises to the largest need; second_choice_random: routes after the first are asked "
              "for at random (GShard)",
       .fallback = "residual",
       .choices = {"residual", "next_best", "local", "least_loaded", "no_drop_pad", "shared_only",
                   "second_choice_random"}},
      {.name = "max_tries",
       .type = ParameterType::kInteger,
       .doc = "next_best: experts that are looked at",
       .fallback = "4",
       .minimum = 1},
      {.name = "second_threshold",
       .type = ParameterType::kNumber,
       .doc = "second_choice_random: a route is asked for with chance weight / this",
       .fallback = "0.2",
       .minimum = 0,
       .maximum = 1},
      {.name = "renormalize",
       .type = ParameterType::kFlag,
       .doc = "divide the weights of a token's kept routes by their sum (DeepSpeed)",
       .fallback = "false"},
      {.name = "exempt",
       .type = ParameterType::kNumber,
       .doc = "device_budget: share of sequences (4096 tokens of a source) that lose nothing",
       .fallback = "0.1",
       .minimum = 0,
       .maximum = 1},
      {.name = "pad",
       .type = ParameterType::kFlag,
       .doc = "send and compute the full capacity of every expert, whatever the load",
       .fallback = "false"},
      row_multiple_parameter(),
      {.name = "scope",
       .type = ParameterType::kChoice,
       .doc = "whose routes queue together: of a source rank, or of all (default: the system's); "
              "gpu: what a GPU receives is limited to int(factor · tokens of a rank · k), where an "
              "expert's routes count on its copies in turn",
       .choices = {"rank", "group", "gpu"}}};
}

}  // namespace moesim
