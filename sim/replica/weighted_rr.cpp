// Copies in turn, by weights: spare capacity × locality (after GRACE-MoE, from its description).
//
// The spare capacity of a GPU is what is missing there to the mean load of all GPUs when only the
// experts with one copy are counted; the copies on a GPU share it. Where no copy of an expert has
// any, locality alone is the weight. Each (source, expert) has a turn of its own, as smooth as the
// weights allow (the smooth weighted round robin of nginx: every copy's credit grows by its weight,
// and the copy with most credit pays the sum).
#include <algorithm>
#include <numeric>

#include "sim/replica/dealing.hpp"

namespace moesim {
namespace {

class Turn {
 public:
  Turn() = default;
  explicit Turn(std::vector<double> weight) : weight_(std::move(weight)), credit_(weight_.size()) {}

  std::size_t next() {
    for (std::size_t i = 0; i < weight_.size(); ++i) credit_[i] += weight_[i];
    const auto most = std::max_element(credit_.begin(), credit_.end());
    *most -= std::accumulate(weight_.begin(), weight_.end(), 0.0);
    return static_cast<std::size_t>(most - credit_.begin());
  }

 private:
  std::vector<double> weight_, credit_;
};

class WeightedRoundRobin final : public Replica {
 public:
  explicit WeightedRoundRobin(const Arguments& arguments)
      : same_node_(arguments.number("same_node")), other_node_(arguments.number("other_node")) {}
  RoutingDetail needs() const override { return RoutingDetail::kCounts; }

  Assignment assign(const ReplicaRequest& request) const override {
    auto turns = turns_of(request);
    if (request.routing.has_ids())
      return assign_each_route(
          request, [&](const RoutePlace& at, const std::vector<SlotId>& slots) {
            return slots.size() == 1 ? slots[0] : slots[turns(at.source, at.expert).next()];
          });
    Assignment assignment = empty_assignment(request);
    const ExpertCounts& counts = request.routing.counts;
    for (const GpuId source : counts.row_ids())
      for (const ExpertId expert : counts.column_ids()) {
        const auto& slots = request.placement.slots_of[expert];
        if (slots.size() == 1) {
          assignment.routes(source, slots[0]) += counts(source, expert);
          continue;
        }
        for (int route = 0; route < counts(source, expert); ++route)
          ++assignment.routes(source, slots[turns(source, expert).next()]);
      }
    return assignment;
  }

 private:
  // Of a copy on each GPU: routes, [gpus].
  static IdVector<GpuId, double> spare_capacity(const ReplicaRequest& request) {
    const LayerPlacement& placement = request.placement;
    const auto load = expert_load(request.routing.counts);
    IdVector<GpuId, double> fixed(placement.gpus());
    IdVector<GpuId, int> copies(placement.gpus());
    double all = 0;
    for (const ExpertId expert : load.ids()) {
      all += static_cast<double>(load[expert]);
      const auto& slots = placement.slots_of[expert];
      if (slots.size() == 1) fixed[placement.gpu_of(slots[0])] += static_cast<double>(load[expert]);
      if (slots.size() > 1)
        for (const SlotId slot : slots) ++copies[placement.gpu_of(slot)];
    }
    IdVector<GpuId, double> spare(placement.gpus());
    for (const GpuId gpu : spare.ids())
      spare[gpu] = std::max(0.0, all / placement.gpus() - fixed[gpu]) / std::max(1, copies[gpu]);
    return spare;
  }

  double locality(const ReplicaRequest& request, GpuId source, GpuId holder) const {
    if (source == holder) return 1;
    return request.cluster.same_node(source, holder) ? same_node_ : other_node_;
  }

  IdMatrix<GpuId, ExpertId, Turn> turns_of(const ReplicaRequest& request) const {
    const IdVector<GpuId, double> spare = spare_capacity(request);
    IdMatrix<GpuId, ExpertId, Turn> turns(request.routing.gpus(), request.placement.experts());
    for (const GpuId source : turns.row_ids())
      for (const ExpertId expert : turns.column_ids()) {
        std::vector<double> near, weight;
        for (const SlotId slot : request.placement.slots_of[expert]) {
          const GpuId holder = request.placement.gpu_of(slot);
          near.push_back(locality(request, source, holder));
          weight.push_back(near.back() * spare[holder]);
        }
        const bool any = std::any_of(weight.begin(), weight.end(), [](double w) { return w > 0; });
        turns(source, expert) = Turn(any ? std::move(weight) : std::move(near));
      }
    return turns;
  }

  double same_node_ = 0, other_node_ = 0;
};

Parameter nearness(const std::string& name, const std::string& where, const std::string& fallback) {
  return {.name = name,
          .type = ParameterType::kNumber,
          .doc = "locality of a copy " + where + "; one on the source's GPU has 1; assumed",
          .fallback = fallback,
          .minimum = 0,
          .maximum = 1,
          .above_minimum = true};
}

const Register<Replica, WeightedRoundRobin> kWeightedRoundRobin{
    {.name = "weighted_rr",
     .summary = "copies in turn, weighed by spare capacity and locality",
     .source = "after GRACE-MoE",
     .parameters = {nearness("same_node", "on the source's node", "0.5"),
                    nearness("other_node", "on another node", "0.25")}}};

}  // namespace
}  // namespace moesim
