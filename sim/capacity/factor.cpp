// A capacity factor: each expert takes at most C routes of a queue; the rest is dropped, or sent to
// other experts.
//
// C follows the formula of a system (capacity_formula.cpp); the routing unit is the micro-batch on
// a source rank, or all ranks together where the system has it so. A budget may also be a GPU's
// (scope: gpu). Without another rule a dropped route contributes nothing: a token without any
// kept route passes through the residual connection, and weights stay as they were, as in Megatron.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "sim/capacity/admission.hpp"
#include "sim/capacity/capacity_formula.hpp"
#include "sim/capacity/factor_parameters.hpp"
#include "sim/capacity/overflow.hpp"

namespace moesim {
namespace {

std::int64_t total(const ExpertCounts& counts) {
  return std::accumulate(counts.raw().begin(), counts.raw().end(), std::int64_t{0});
}

bool any_route(std::span<const std::int16_t> ids) {
  return std::any_of(ids.begin(), ids.end(), [](std::int16_t id) { return id >= 0; });
}

// Tokens that asked for an expert and got none, for a routing with ids.
std::int64_t tokens_without(std::span<const std::int16_t> asked, const Routing& routing) {
  std::int64_t tokens = 0;
  const auto top_k = static_cast<std::size_t>(routing.top_k);
  for (int token = 0; token < routing.tokens(); ++token) {
    const auto before = asked.subspan(static_cast<std::size_t>(token) * top_k, top_k);
    tokens += any_route(before) && !any_route(routing.ids_of(token)) ? 1 : 0;
  }
  return tokens;
}

ExpertCounts padding_of(const Routing& routing, const std::vector<Queue>& queues) {
  ExpertCounts padding(routing.gpus(), routing.experts());
  for (const Queue& queue : queues)
    for (const ExpertId expert : padding.column_ids())
      padding(GpuId(queue.first_gpu), expert) =
          queue.capacity - routing.counts(GpuId(queue.first_gpu), expert);
  return padding;
}

class Factor final : public Capacity {
 public:
  explicit Factor(const Arguments& arguments) : settings_(arguments) {}

  RoutingDetail needs() const override { return settings_.needs(); }
  std::string caution(const MoeModel& model) const override { return settings_.caution(model); }

  Admission admit(Routing routing, const CapacityRequest& request) const override {
    if (request.factor && *request.factor != settings_.factor) {
      Factor other(*this);
      other.settings_.factor = *request.factor;
      return other.admit(std::move(routing), request);
    }
    settings_.check(request.model);
    Admission admission{.routes = total(routing.counts), .row_multiple = settings_.row_multiple};
    const std::vector<std::int16_t> asked = routing.ids;
    if (settings_.overflow == "second_choice_random") {
      if (routing.weights.empty()) settings_.refuse_without_weights();
      ask_at_random(routing, settings_.threshold, request);
    }
    if (settings_.scope == CapacityScope::kGpu) {
      drop_excess(routing, settings_.gpu_budget(routing, request), settings_.rule, request);
    } else {
      admit_by_expert(routing, asked, request, admission);
    }
    if (settings_.renormalize) renormalize(routing);
    const std::int64_t kept = total(routing.counts);
    admission.dropped_routes = admission.routes - kept;
    if (admission.dropped_routes > 0)
      admission.dropped_tokens = routing.has_ids() ? tokens_without(asked, routing) : -1;
    admission.rows = kept + total(admission.padding);
    admission.routing = std::move(routing);
    return admission;
  }

 private:
  void admit_by_expert(Routing& routing, std::span<const std::int16_t> asked,
                       const CapacityRequest& request, Admission& admission) const {
    const std::vector<Queue> queues = queues_of(routing);
    for (const Queue& queue : queues) {
      drop_excess(routing, queue, settings_.rule, request);
      if (routing.has_ids())
        admission.rerouted_routes +=
            reroute(routing, asked, queue,
                    {.overflow = settings_.reroute_to(), .tries = settings_.tries}, request);
    }
    if (settings_.pad) admission.padding = padding_of(routing, queues);
  }

  std::vector<Queue> queues_of(const Routing& routing) const {
    std::vector<Queue> queues;
    const bool per_group = settings_.scope == CapacityScope::kGroup;
    if (per_group) {
      queues.push_back({.last_gpu = routing.gpus()});
    } else {
      for (int gpu = 0; gpu < routing.gpus(); ++gpu)
        queues.push_back({.first_gpu = gpu, .last_gpu = gpu + 1});
    }
    const int need = largest_need(routing, queues);
    for (Queue& queue : queues)
      queue.capacity = settings_.capacity(
          {.tokens = routing.first_token[static_cast<std::size_t>(queue.last_gpu)] -
                     routing.first_token[static_cast<std::size_t>(queue.first_gpu)],
           .ranks = per_group ? 1 : routing.gpus(),
           .top_k = routing.top_k,
           .experts = routing.experts(),
           .largest_need = need});
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

  FactorSettings settings_;
};

const Register<Capacity, Factor> kFactor{
    {.name = "factor",
     .summary = "at most C routes an expert, or a GPU; the rest is dropped or sent elsewhere",
     .source =
         "Megatron-LM, DeepSpeed, Tutel, Mesh TensorFlow, Flaxformer, V-MoE, MegaBlocks, FastMoE; "
         "policies.md 2",
     .parameters = factor_parameters()}};

}  // namespace
}  // namespace moesim
