// Experts to tokens where that is less to carry than tokens to experts (after Janus: Liu et al.,
// SIGCOMM 2023, from its description; policies.md 3.7).
//
// Each machine weighs, layer by layer, what its tokens would send through its NICs,
// k·T·H·bytes of the routes to experts that it does not hold, against the weights of these experts.
// Where the weights are less, its GPUs fetch every expert that their tokens ask for, and no token
// leaves its GPU; elsewhere tokens go to experts. (The paper decides once for all machines, whose
// batches are alike.) An expert crosses the NICs once for a machine, and is handed on inside it,
// from when the routes are known. A machine that holds all experts keeps its tokens moving: nothing
// of them crosses a NIC.
#include "sim/step_placement/own_routes.hpp"

namespace moesim {
namespace {

class Janus final : public StepPlacement {
 public:
  explicit Janus(const Arguments& arguments)
      : ways_(arguments.integer("ways")),
        travel_{.decision = arguments.time("decision_time"),
                .link_efficiency = arguments.number("link_efficiency"),
                .sms = arguments.integer("sms")} {}

  StepCopies decide(const StepPlacementRequest& request) const override {
    const ExpertCounts counts = expert_counts(request);
    std::vector<TemporaryCopy> copies;
    for (const NodeId node : IdRange<NodeId>(request.cluster.nodes())) {
      if (!weights_are_less(node, counts, request)) continue;
      for (const GpuId gpu : request.cluster.gpus_of(node))
        for (const ExpertId expert : counts.column_ids())
          if (counts(gpu, expert) > 0 && !holds(request.placement, gpu, expert))
            copies.push_back({gpu, expert});
    }
    return with_own_routes(request, std::move(copies));
  }

  WeightTravel travel() const override { return travel_; }

 private:
  bool weights_are_less(NodeId node, const ExpertCounts& counts,
                        const StepPlacementRequest& request) const {
    double rows = 0, weights = 0;
    for (const ExpertId expert : counts.column_ids()) {
      std::int64_t routes = 0;
      for (const GpuId gpu : request.cluster.gpus_of(node)) {
        if (holds(request.placement, gpu, expert)) {
          routes = 0;
          break;
        }
        routes += counts(gpu, expert);
      }
      if (routes == 0) continue;
      rows += static_cast<double>(routes);
      weights += expert_bytes(request.model).value;
    }
    return ways_ * rows * request.model.hidden * kActivationBytes > weights;
  }

  int ways_ = 1;
  WeightTravel travel_;
};

std::vector<Parameter> janus_parameters() {
  std::vector<Parameter> all = {{.name = "ways",
                                 .type = ParameterType::kInteger,
                                 .doc = "of a token that count: 1 = to its experts, 2 = also back",
                                 .fallback = "1",
                                 .minimum = 1,
                                 .maximum = 2}};
  return decision_parameters(with_copy_parameters(std::move(all)));
}

const Register<StepPlacement, Janus> kJanus{
    {.name = "janus",
     .summary = "a machine fetches the experts its tokens need where they are fewer bytes",
     .source = "after the paper (Janus, SIGCOMM 2023)",
     .parameters = janus_parameters()}};

}  // namespace
}  // namespace moesim
