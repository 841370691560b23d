#include "sim/step_placement/own_routes.hpp"

#include <algorithm>

namespace moesim {

std::vector<Parameter> with_copy_parameters(std::vector<Parameter> own) {
  own.push_back({.name = "link_efficiency",
                 .type = ParameterType::kNumber,
                 .doc = "of weights on the way: share of a link's rate that they reach",
                 .fallback = "0.8",
                 .minimum = 0,
                 .maximum = 1,
                 .above_minimum = true});
  own.push_back({.name = "sms",
                 .type = ParameterType::kInteger,
                 .doc = "SMs that the copies take from compute",
                 .fallback = "0",
                 .minimum = 0});
  return own;
}

std::vector<Parameter> decision_parameters(std::vector<Parameter> own) {
  own.push_back({.name = "decision_time",
                 .type = ParameterType::kTime,
                 .doc =
                     "of a layer's decision, on each GPU before dispatch; assumed: a kernel over "
                     "the counts, and its launch",
                 .fallback = "20 us",
                 .minimum = 0});
  return own;
}

Parameter agreement_parameter() {
  return {.name = "all_reduce_time",
          .type = ParameterType::kTime,
          .doc =
              "of the layer's counts of routes, before the decision (default: NCCL's all-reduce, "
              "by the calibration; high for so few bytes over NICs)",
          .minimum = 0};
}

std::optional<Seconds> agreement_time(const Arguments& arguments) {
  if (!arguments.has("all_reduce_time")) return std::nullopt;
  return arguments.time("all_reduce_time");
}

bool holds(const LayerPlacement& placement, GpuId gpu, ExpertId expert) {
  const auto& slots = placement.slots_of[expert];
  return std::any_of(slots.begin(), slots.end(),
                     [&](SlotId slot) { return placement.gpu_of(slot) == gpu; });
}

StepCopies with_own_routes(const StepPlacementRequest& request, std::vector<TemporaryCopy> copies) {
  std::sort(copies.begin(), copies.end());
  StepCopies result{.copies = std::move(copies)};
  for (const TemporaryCopy& copy : result.copies)
    for (const SlotId slot : request.placement.slots_of[copy.expert])
      if (const int routes = request.assignment.routes(copy.gpu, slot); routes > 0)
        result.taken.push_back({copy.gpu, slot, copy.gpu, routes});
  return result;
}

ExpertCounts expert_counts(const StepPlacementRequest& request) {
  const auto& routes = request.assignment.routes;
  ExpertCounts counts(static_cast<int>(routes.rows()), request.placement.experts());
  for (const GpuId source : routes.row_ids())
    for (const SlotId slot : routes.column_ids())
      counts(source, request.placement.expert_of[slot]) += routes(source, slot);
  return counts;
}

}  // namespace moesim
