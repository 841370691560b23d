// Hot experts on all GPUs for one iteration (FasterMoE's dynamic shadowing: He et al., PPoPP 2022,
// and laekov/fastmoe, fmoe/fastermoe/shadow_policy.py; policies.md 3.7).
//
// Experts by load B_1 ≥ B_2 ≥ …. With B the load of the heaviest that is not shadowed,
//   latency = 3·(4αH²/speed)·B + 4·(4H/bandwidth)·B + shadowed · 2αH²·4/bandwidth
// (three GEMM passes and four exchanges of a training step, float32). The next expert is shadowed
// while that makes the latency smaller; it ends at the first that does not, and the last expert is
// never shadowed. All GPUs know all counts before. A shadow computes its own GPU's tokens, as soon
// as it is there, and the weights leave once the gate's counts are known. Only the forward pass is
// simulated: the rule weighs a whole training step, the run charges no reduction of gradients.
#include <algorithm>
#include <numeric>

#include "sim/step_placement/own_routes.hpp"

namespace moesim {
namespace {

class Shadowing final : public StepPlacement {
 public:
  explicit Shadowing(const Arguments& arguments)
      : bandwidth_(arguments.rate("bandwidth")),
        speed_(arguments.speed("speed")),
        hidden_(arguments.integer("hidden")),
        alpha_(arguments.number("alpha")),
        travel_{.path = WeightPath::kBroadcast,
                .agreed = true,
                .agreement = agreement_time(arguments),
                .decision = arguments.time("decision_time")} {}

  StepCopies decide(const StepPlacementRequest& request) const override {
    const auto load = expert_load(expert_counts(request));
    std::vector<TemporaryCopy> copies;
    for (const ExpertId expert : shadowed(load, request.model))
      for (const GpuId gpu : IdRange<GpuId>(request.placement.gpus()))
        if (!holds(request.placement, gpu, expert)) copies.push_back({gpu, expert});
    return with_own_routes(request, std::move(copies));
  }

  WeightTravel travel() const override { return travel_; }

 private:
  std::vector<ExpertId> shadowed(const IdVector<ExpertId, std::int64_t>& load,
                                 const MoeModel& model) const {
    std::vector<ExpertId> by_load;
    for (const ExpertId expert : load.ids()) by_load.push_back(expert);
    std::stable_sort(by_load.begin(), by_load.end(),
                     [&](ExpertId a, ExpertId b) { return load[a] > load[b]; });
    const double hidden = hidden_ > 0 ? hidden_ : model.hidden;
    const double alpha =
        alpha_ > 0 ? alpha_ : static_cast<double>(model.expert_width) / model.hidden;
    const double inner = alpha * hidden * hidden;  // weights of one of two matrices
    const auto latency = [&](std::int64_t heaviest, std::size_t shadows) {
      const double routes = static_cast<double>(heaviest);
      return 3 * Flops(4 * inner * routes) / speed_ + 4 * Bytes(4 * hidden * routes) / bandwidth_ +
             static_cast<double>(shadows) * Bytes(2 * inner * 4) / bandwidth_;
    };
    std::size_t count = 0;
    Seconds best = latency(load[by_load.front()], 0);
    while (count + 1 < by_load.size()) {
      const Seconds next = latency(load[by_load[count + 1]], count + 1);
      if (next >= best) break;
      best = next;
      ++count;
    }
    by_load.resize(count);
    return by_load;
  }

  BytesPerSecond bandwidth_;
  FlopsPerSecond speed_;
  int hidden_ = 0;
  double alpha_ = 0;
  WeightTravel travel_;
};

const Register<StepPlacement, Shadowing> kShadowing{
    {.name = "shadowing",
     .summary = "hot experts are broadcast to all GPUs for the batch (FasterMoE)",
     .source = "laekov/fastmoe",
     .parameters =
         decision_parameters({{.name = "bandwidth",
                               .type = ParameterType::kRate,
                               .doc = "of the rule, between GPUs",
                               .fallback = "6.25 GB/s",
                               .minimum = 0,
                               .above_minimum = true},
                              {.name = "speed",
                               .type = ParameterType::kSpeed,
                               .doc = "of the rule, of a GPU",
                               .fallback = "11.5 TFLOP/s",
                               .minimum = 0,
                               .above_minimum = true},
                              {.name = "hidden",
                               .type = ParameterType::kInteger,
                               .doc = "of the rule; 0 = the model's",
                               .fallback = "2048",
                               .minimum = 0},
                              {.name = "alpha",
                               .type = ParameterType::kNumber,
                               .doc = "of the rule, expert width / hidden; 0 = the model's",
                               .fallback = "2",
                               .minimum = 0},
                              agreement_parameter()})}};

}  // namespace
}  // namespace moesim
