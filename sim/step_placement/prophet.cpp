// Copies of hot experts on some of the GPUs, planned from the step before (after Prophet: Wang et
// al., CLUSTER 2023, from its description; policies.md 3.7).
//
// Loads change little from one iteration to the next, so a layer's copies are planned with the
// routes that it had a step ago, and the weights leave when the layer begins, beside attention. The
// planner's model of a layer, all by datasheet:
//   largest GPU load · (time of a route at the GPU's peak)
//   + largest received load · (two rows over the slowest port)
//   + `exposed` · (largest number of experts that a GPU sends or receives) · (time of an expert
//     there)
// Again and again it takes the expert with most routes on the most loaded GPU, tries copies on the
// 1, 2, … GPUs with most routes to it, and keeps the number that makes that time least; it ends
// where none does. A copy computes its own GPU's routes. The first step has no step before it, and
// no copies. Only the forward pass is simulated: no gradients are reduced.
#include <algorithm>
#include <optional>

#include "sim/model/port_rates.hpp"
#include "sim/step_placement/own_routes.hpp"

namespace moesim {
namespace {

// What a layer would have been a step ago with some copies.
struct Plan {
  std::vector<double> load;           // routes that each GPU computes, [gpus]
  std::vector<double> received;       // of them from other GPUs
  std::vector<double> sent, fetched;  // experts, [gpus]
  std::vector<TemporaryCopy> copies;
};

class Planner {
 public:
  Planner(const StepPlacementRequest& request, double exposed)
      : request_(request),
        exposed_(exposed),
        routes_(expert_load(*request.before)),
        tried_(request.placement.slots_of.size()) {
    const MoeModel& model = request.model;
    const PortRates rates = port_rates(request.cluster);
    const BytesPerSecond rate = request.cluster.nodes() > 1 ? rates.nic : rates.nvlink;
    compute_ =
        Flops(2 * expert_parameters(model)) / request.cluster.gpu().peak_of(model.expert_dtype);
    travel_ = Bytes(2 * kActivationBytes * model.hidden) / rate;
    fetch_ = expert_bytes(model) / rate;
  }

  std::vector<TemporaryCopy> run() {
    Plan best = without_copies();
    while (true) {
      const ExpertId expert = heaviest_expert(best);
      if (!expert.valid()) break;
      tried_[expert.index()] = true;
      std::optional<Plan> better = with_copies_of(expert, best);
      if (!better) break;
      best = std::move(*better);
    }
    return best.copies;
  }

 private:
  Plan without_copies() const {
    const auto gpus = static_cast<std::size_t>(request_.placement.gpus());
    Plan plan{.load = std::vector<double>(gpus),
              .received = std::vector<double>(gpus),
              .sent = std::vector<double>(gpus),
              .fetched = std::vector<double>(gpus)};
    for (const GpuId source : request_.before->row_ids())
      for (const ExpertId expert : request_.before->column_ids()) add(source, expert, 1, plan);
    return plan;
  }

  // The source's routes to the expert, spread over its slots, as often as `times`.
  void add(GpuId source, ExpertId expert, double times, Plan& plan) const {
    const auto& slots = request_.placement.slots_of[expert];
    const double each =
        times * (*request_.before)(source, expert) / static_cast<double>(slots.size());
    for (const SlotId slot : slots) {
      const GpuId gpu = request_.placement.gpu_of(slot);
      plan.load[gpu.index()] += each;
      if (gpu != source) plan.received[gpu.index()] += each;
    }
  }

  Seconds time(const Plan& plan) const {
    const auto most = [](const std::vector<double>& values) {
      return *std::max_element(values.begin(), values.end());
    };
    return most(plan.load) * compute_ + most(plan.received) * travel_ +
           exposed_ * std::max(most(plan.sent), most(plan.fetched)) * fetch_;
  }

  // Not tried, on the most loaded GPU; none where nothing is left.
  ExpertId heaviest_expert(const Plan& plan) const {
    const GpuId gpu(
        static_cast<int>(std::max_element(plan.load.begin(), plan.load.end()) - plan.load.begin()));
    ExpertId best;
    std::int64_t most = 0;
    for (const ExpertId expert : request_.before->column_ids()) {
      if (tried_[expert.index()] || !holds(request_.placement, gpu, expert)) continue;
      if (routes_[expert] > most) most = routes_[expert], best = expert;
    }
    return best;
  }

  // With copies on those GPUs that make the time least, if they do make it less.
  std::optional<Plan> with_copies_of(ExpertId expert, const Plan& now) const {
    std::vector<GpuId> takers;
    for (const GpuId gpu : request_.before->row_ids())
      if (!holds(request_.placement, gpu, expert) && (*request_.before)(gpu, expert) > 0)
        takers.push_back(gpu);
    std::stable_sort(takers.begin(), takers.end(), [&](GpuId a, GpuId b) {
      return (*request_.before)(a, expert) > (*request_.before)(b, expert);
    });
    const GpuId owner = request_.placement.gpu_of(request_.placement.slots_of[expert].front());
    Plan plan = now;
    std::optional<Plan> best;
    Seconds least = time(now);
    for (const GpuId gpu : takers) {
      add(gpu, expert, -1, plan);
      plan.load[gpu.index()] += (*request_.before)(gpu, expert);
      ++plan.fetched[gpu.index()];
      ++plan.sent[owner.index()];
      plan.copies.push_back({gpu, expert});
      if (const Seconds then = time(plan); then < least) best = plan, least = then;
    }
    return best;
  }

  const StepPlacementRequest& request_;
  double exposed_ = 1;
  IdVector<ExpertId, std::int64_t> routes_;
  std::vector<bool> tried_;   // [experts]
  Seconds compute_, travel_;  // of a route
  Seconds fetch_;             // of an expert
};

class Prophet final : public StepPlacement {
 public:
  explicit Prophet(const Arguments& arguments)
      : exposed_(arguments.number("exposed")),
        travel_{.before_gate = true,
                .link_efficiency = arguments.number("link_efficiency"),
                .sms = arguments.integer("sms")} {}

  StepCopies decide(const StepPlacementRequest& request) const override {
    if (request.before == nullptr) return {};
    return with_own_routes(request, Planner(request, exposed_).run());
  }

  WeightTravel travel() const override { return travel_; }

 private:
  double exposed_ = 1;
  WeightTravel travel_;
};

std::vector<Parameter> prophet_parameters() {
  std::vector<Parameter> all = {{.name = "exposed",
                                 .type = ParameterType::kNumber,
                                 .doc = "share of the weights' time that the planner counts; the "
                                        "rest it takes to be hidden",
                                 .fallback = "1",
                                 .minimum = 0,
                                 .maximum = 1}};
  return with_copy_parameters(std::move(all));
}

const Register<StepPlacement, Prophet> kProphet{
    {.name = "prophet",
     .summary = "hot experts are copied to some GPUs, planned from the step before",
     .source = "after the paper (Prophet, CLUSTER 2023)",
     .parameters = prophet_parameters()}};

}  // namespace
}  // namespace moesim
