// A capacity factor: each expert takes at most C routes of a queue, the rest is dropped.
//
// C follows the formula of a system (capacity_formula.cpp); the routing unit is the micro-batch on
// a source rank, or all ranks together where the system has it so. A dropped route contributes
// nothing: a token without any kept route passes through the residual connection. Weights stay as
// they were, as in Megatron.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "sim/capacity/admission.hpp"
#include "sim/capacity/capacity_formula.hpp"

namespace moesim {
namespace {

std::int64_t total(const ExpertCounts& counts) {
  return std::accumulate(counts.raw().begin(), counts.raw().end(), std::int64_t{0});
}

bool any_route(std::span<const std::int16_t> ids) {
  return std::any_of(ids.begin(), ids.end(), [](std::int16_t id) { return id >= 0; });
}

class Factor final : public Capacity {
 public:
  explicit Factor(const Arguments& arguments)
      : formula_(*find_capacity_formula(arguments.text("formula"))),
        factor_(arguments.number("factor")),
        minimum_(arguments.has("minimum") ? arguments.integer("minimum")
                                          : formula_.default_minimum),
        alignment_(arguments.integer("alignment")),
        pad_(arguments.flag("pad")),
        per_group_(arguments.has("scope") ? arguments.text("scope") == "group"
                                          : formula_.per_group) {
    rule_ = arguments.text("drop") == "probs"      ? DropRule::kWeight
            : arguments.text("queue") == "choices" ? DropRule::kChoiceOrder
                                                   : DropRule::kTokenOrder;
    const bool in_range =
        formula_.factor_may_be_zero ? factor_ >= 0 || formula_.name == "tutel" : factor_ > 0;
    if (!in_range)
      throw InputError(arguments.spot("factor"),
                       fmt::format("factor must be above 0 with formula {}", formula_.name),
                       "capacity: {kind: none} drops nothing");
    if (pad_ && per_group_)
      throw InputError(arguments.spot("pad"), "pad needs a capacity of each source rank",
                       "scope: rank");
  }

  RoutingDetail needs() const override { return RoutingDetail::kCounts; }

  Admission admit(Routing routing, const CapacityRequest&) const override {
    const std::vector<Queue> queues = queues_of(routing);
    Admission admission{.routes = total(routing.counts)};
    const std::vector<std::int16_t> asked = routing.ids;
    for (const Queue& queue : queues) drop_excess(routing, queue, rule_);
    const std::int64_t kept = total(routing.counts);
    admission.dropped_routes = admission.routes - kept;
    if (admission.dropped_routes > 0)
      admission.dropped_tokens = routing.has_ids() ? dropped_tokens(asked, routing) : -1;
    admission.rows = kept;
    if (pad_) {
      admission.padding = padding_of(routing, queues);
      admission.rows += total(admission.padding);
    }
    admission.routing = std::move(routing);
    return admission;
  }

 private:
  std::vector<Queue> queues_of(const Routing& routing) const {
    std::vector<Queue> queues;
    if (per_group_) {
      queues.push_back({.last_gpu = routing.gpus()});
    } else {
      for (int gpu = 0; gpu < routing.gpus(); ++gpu)
        queues.push_back({.first_gpu = gpu, .last_gpu = gpu + 1});
    }
    const int need = largest_need(routing, queues);
    for (Queue& queue : queues)
      queue.capacity = formula_.capacity(
          {.tokens = routing.first_token[static_cast<std::size_t>(queue.last_gpu)] -
                     routing.first_token[static_cast<std::size_t>(queue.first_gpu)],
           .ranks = per_group_ ? 1 : routing.gpus(),
           .top_k = routing.top_k,
           .experts = routing.experts(),
           .factor = factor_,
           .minimum = minimum_,
           .largest_need = need,
           .alignment = alignment_});
    return queues;
  }

  static int largest_need(const Routing& routing, const std::vector<Queue>& queues) {
    int need = 0;
    for (const Queue& queue : queues) {
      for (const ExpertId expert : routing.counts.column_ids()) {
        int routes = 0;
        for (int gpu = queue.first_gpu; gpu < queue.last_gpu; ++gpu)
          routes += routing.counts(GpuId(gpu), expert);
        need = std::max(need, routes);
      }
    }
    return need;
  }

  // Tokens that asked for an expert and got none, for a routing with ids.
  static std::int64_t dropped_tokens(std::span<const std::int16_t> asked, const Routing& routing) {
    std::int64_t tokens = 0;
    const auto top_k = static_cast<std::size_t>(routing.top_k);
    for (int token = 0; token < routing.tokens(); ++token) {
      const auto before = asked.subspan(static_cast<std::size_t>(token) * top_k, top_k);
      tokens += any_route(before) && !any_route(routing.ids_of(token)) ? 1 : 0;
    }
    return tokens;
  }

  static ExpertCounts padding_of(const Routing& routing, const std::vector<Queue>& queues) {
    ExpertCounts padding(routing.gpus(), routing.experts());
    for (const Queue& queue : queues)
      for (const ExpertId expert : padding.column_ids())
        padding(GpuId(queue.first_gpu), expert) =
            queue.capacity - routing.counts(GpuId(queue.first_gpu), expert);
    return padding;
  }

  const CapacityFormula& formula_;
  double factor_ = 1;
  int minimum_ = 0;
  int alignment_ = 1;
  bool pad_ = false;
  bool per_group_ = false;
  DropRule rule_ = DropRule::kTokenOrder;
};

std::vector<Parameter> parameters() {
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
       .doc = "tutel: capacity is a multiple of this",
       .fallback = "1",
       .minimum = 1},
      {.name = "drop",
       .type = ParameterType::kChoice,
       .doc = "who stays: first come (position), or the largest weights (probs; without recorded "
              "weights the better choices)",
       .fallback = "position",
       .choices = {"position", "probs"}},
      {.name = "queue",
       .type = ParameterType::kChoice,
       .doc = "position: by token (Megatron), or all first choices before all second ones (GShard, "
              "Tutel)",
       .fallback = "tokens",
       .choices = {"tokens", "choices"}},
      {.name = "overflow",
       .type = ParameterType::kChoice,
       .doc = "a dropped route contributes nothing",
       .fallback = "residual",
       .choices = {"residual"}},
      {.name = "pad",
       .type = ParameterType::kFlag,
       .doc = "send and compute the full capacity of every expert, whatever the load",
       .fallback = "false"},
      {.name = "scope",
       .type = ParameterType::kChoice,
       .doc = "whose routes queue together: of a source rank, or of all (default: the system's)",
       .choices = {"rank", "group"}}};
}

const Register<Capacity, Factor> kFactor{
    {.name = "factor",
     .summary = "at most C routes an expert; the rest is dropped",
     .source =
         "Megatron-LM, DeepSpeed, Tutel, Mesh TensorFlow, Flaxformer, V-MoE, MegaBlocks, FastMoE",
     .parameters = parameters()}};

}  // namespace
}  // namespace moesim
