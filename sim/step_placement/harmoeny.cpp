// Tokens of a batch from the most to the least loaded GPU, with the expert they need (after
// HarMoEny: Doucet et al., 2025, from its description; policies.md 3.7).
//
// Again and again the most loaded GPU gives routes of the slot with most of them to the least
// loaded one: as many as bring neither past the mean. It ends when that is fewer than `least`,
// which the fetch of an expert is not worth. Routes from the target itself go first, then from its
// node, then from the others. All GPUs know all counts before. The target fetches the weights from
// its host's memory, or from a GPU that holds them, while it computes its own experts.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "sim/model/port_rates.hpp"
#include "sim/step_placement/own_routes.hpp"

namespace moesim {
namespace {

class Evening {
 public:
  explicit Evening(const StepPlacementRequest& request)
      : request_(request),
        left_(request.assignment.routes),
        routes_to_(left_.columns()),
        load_(static_cast<std::size_t>(request.placement.gpus())) {
    for (const GpuId source : left_.row_ids())
      for (const SlotId slot : left_.column_ids()) routes_to_[slot] += left_(source, slot);
    for (const SlotId slot : routes_to_.ids())
      load_[request.placement.gpu_of(slot).index()] += routes_to_[slot];
  }

  StepCopies run(int least) {
    const double mean =
        static_cast<double>(std::accumulate(load_.begin(), load_.end(), std::int64_t{0})) /
        static_cast<double>(load_.size());
    StepCopies result;
    while (true) {
      const auto [light, heavy] = std::minmax_element(load_.begin(), load_.end());
      const GpuId from(static_cast<int>(heavy - load_.begin()));
      const GpuId to(static_cast<int>(light - load_.begin()));
      const SlotId slot = fullest_slot(from);
      if (!slot.valid()) break;
      const double room =
          std::min(static_cast<double>(*heavy) - mean, mean - static_cast<double>(*light));
      const auto routes = std::min(routes_to_[slot], static_cast<std::int64_t>(std::floor(room)));
      if (routes < std::max(1, least)) break;
      move(slot, to, routes, result);
    }
    std::sort(result.copies.begin(), result.copies.end());
    return result;
  }

 private:
  // The GPU's slot with most routes; none if it has no slot.
  SlotId fullest_slot(GpuId gpu) const {
    SlotId best;
    for (SlotId slot(request_.placement.first_slot[gpu.index()]);
         slot.value < request_.placement.first_slot[gpu.index() + 1]; ++slot)
      if (!best.valid() || routes_to_[slot] > routes_to_[best]) best = slot;
    return best;
  }

  std::vector<GpuId> sources_near(GpuId target) const {
    std::vector<GpuId> sources;
    for (const GpuId source : left_.row_ids()) sources.push_back(source);
    const auto distance = [&](GpuId gpu) {
      return gpu == target ? 0 : request_.cluster.same_node(gpu, target) ? 1 : 2;
    };
    std::stable_sort(sources.begin(), sources.end(),
                     [&](GpuId a, GpuId b) { return distance(a) < distance(b); });
    return sources;
  }

  void move(SlotId slot, GpuId to, std::int64_t routes, StepCopies& result) {
    const TemporaryCopy copy{to, request_.placement.expert_of[slot]};
    if (!holds(request_.placement, to, copy.expert) &&
        std::find(result.copies.begin(), result.copies.end(), copy) == result.copies.end())
      result.copies.push_back(copy);
    load_[request_.placement.gpu_of(slot).index()] -= routes;
    load_[to.index()] += routes;
    for (const GpuId source : sources_near(to)) {
      const int taken = static_cast<int>(std::min<std::int64_t>(routes, left_(source, slot)));
      if (taken == 0) continue;
      left_(source, slot) -= taken;
      routes_to_[slot] -= taken;
      routes -= taken;
      result.taken.push_back({source, slot, to, taken});
    }
  }

  const StepPlacementRequest& request_;
  IdMatrix<GpuId, SlotId, int> left_;         // [source × slot], not moved
  IdVector<SlotId, std::int64_t> routes_to_;  // of `left_`
  std::vector<std::int64_t> load_;            // [gpus]
};

class HarMoEny final : public StepPlacement {
 public:
  explicit HarMoEny(const Arguments& arguments)
      : least_(arguments.integer("least")),
        travel_{
            .path = arguments.text("from") == "host" ? WeightPath::kHost : WeightPath::kOncePerNode,
            .agreed = true,
            .agreement = agreement_time(arguments),
            .decision = arguments.time("decision_time"),
            .link_efficiency = arguments.number("link_efficiency"),
            .sms = arguments.integer("sms")} {}

  StepCopies decide(const StepPlacementRequest& request) const override {
    return Evening(request).run(least_ > 0 ? least_ : worth_a_fetch(request));
  }

  WeightTravel travel() const override { return travel_; }

 private:
  // Routes that take as long to compute at the GPU's peak as their expert's weights take to come.
  int worth_a_fetch(const StepPlacementRequest& request) const {
    const MoeModel& model = request.model;
    const PortRates rates = port_rates(request.cluster);
    const BytesPerSecond rate = travel_.path == WeightPath::kHost ? request.cluster.gpu().pcie
                                : request.cluster.nodes() > 1     ? rates.nic
                                                                  : rates.nvlink;
    const Flops route(2 * expert_parameters(model));
    const Seconds fetch = expert_bytes(model) / (rate * travel_.link_efficiency);
    const double routes = fetch / (route / request.cluster.gpu().peak_of(model.expert_dtype));
    return static_cast<int>(std::ceil(std::min(routes, 1e9)));
  }

  int least_ = 0;
  WeightTravel travel_;
};

std::vector<Parameter> harmoeny_parameters() {
  std::vector<Parameter> all = {
      {.name = "least",
       .type = ParameterType::kInteger,
       .doc = "routes that are worth a fetch (the paper's q); 0 = those that take as long to "
              "compute as the weights take to come, by datasheet",
       .fallback = "0",
       .minimum = 0},
      {.name = "from",
       .type = ParameterType::kChoice,
       .doc = "where the weights are: in each host's memory, or on the GPUs that hold them",
       .fallback = "host",
       .choices = {"host", "gpu"}},
      agreement_parameter()};
  return decision_parameters(with_copy_parameters(std::move(all)));
}

const Register<StepPlacement, HarMoEny> kHarMoEny{
    {.name = "harmoeny",
     .summary = "tokens of the most loaded GPU go to the least loaded, which fetches the expert",
     .source = "after the paper (HarMoEny, 2025)",
     .parameters = harmoeny_parameters()}};

}  // namespace
}  // namespace moesim
