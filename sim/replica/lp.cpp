// A linear program for every batch and layer splits the routes over the copies (deepseek-ai/LPLB,
// from its description; SGLang `lp`). Each route draws its copy with the program's probabilities,
// so that GPUs need to agree on counts only. Where an expert gets no route, its copies are equals.
//
// The program is solved exactly. LPLB's interior-point steps on the GPU are not modelled but for
// their time, a parameter.
#include <numeric>

#include "sim/replica/copy_balance.hpp"
#include "sim/replica/dealing.hpp"
#include "sim/replica/draws.hpp"

namespace moesim {
namespace {

constexpr double kDrawRange = 4294967296.0;  // of 32 bits

SlotId drawn_slot(const FractionalSplit& split, const std::vector<SlotId>& slots, double u) {
  double sum = 0;
  for (const SlotId slot : slots) sum += split.routes[slot];
  double below = 0;
  for (const SlotId slot : slots) {
    below += split.routes[slot];
    if (u * sum < below) return slot;
  }
  return slots.back();
}

class LinearProgramReplica final : public Replica {
 public:
  explicit LinearProgramReplica(const Arguments& arguments) : cost_(arguments) {}
  RoutingDetail needs() const override { return RoutingDetail::kCounts; }
  ReplicaWork work(const LayerPlacement& placement) const override { return cost_.work(placement); }

  Assignment assign(const ReplicaRequest& request) const override {
    const LayerPlacement& placement = request.placement;
    const FractionalSplit split = split_by_program(expert_load(request.routing.counts), placement);
    if (!request.routing.has_ids())
      return split_counts_at_random(request, [&](GpuId, ExpertId expert, std::span<double> share) {
        std::size_t copy = 0;
        for (const SlotId slot : placement.slots_of[expert]) share[copy++] = split.routes[slot];
      });
    auto draws = draws_of_sources(request);
    const std::int64_t top_k = request.routing.top_k;
    return assign_each_route(request, [&](const RoutePlace& at, const std::vector<SlotId>& slots) {
      if (slots.size() == 1) return slots.front();
      const double u = draws[at.source].whole(at.token * top_k + at.choice) / kDrawRange;
      return drawn_slot(split, slots, u);
    });
  }

 private:
  SolverCost cost_;
};

const Register<Replica, LinearProgramReplica> kLp{
    {.name = "lp",
     .summary = "a linear program for every batch; routes draw copies by its probabilities",
     .source = "after LPLB",
     .parameters = SolverCost::parameters()}};

}  // namespace
}  // namespace moesim
