// Experts that the same tokens use together, on one node and one GPU (co-activation clustering,
// after Occult and GRACE-MoE): a partition of the graph of pairs by METIS, then swaps of pairs.
//
// Where an exchange sends a token once to each GPU or node, however many of its experts are there,
// this lowers what is dispatched. It does not look at balance: hot experts that are used together
// end up together. Redundant slots hold copies of the experts with the largest load per copy, each
// on the lightest GPU that has room and does not hold the expert.
#include "sim/placement/affinity.hpp"
#include "sim/placement/packing.hpp"
#include "sim/placement/placement_policy.hpp"

namespace moesim {
namespace {

class Coactivation final : public PlacementPolicy {
 public:
  explicit Coactivation(const Arguments& arguments)
      : redundant_(arguments.integer("redundant")), spot_(arguments.section()) {}
  WindowNeeds needs() const override { return {.coactivation = true}; }

  Placement place(const PlacementRequest& request) const override {
    require_known(!request.detail.coactivation.empty(), "which experts are used together", spot_,
                  "a trace with expert ids tells, a file of loads does not");
    Placement placement{IdVector<LayerId, LayerPlacement>(request.load.rows())};
    for (const LayerId layer : placement.layers.ids())
      placement.layers[layer] = place_layer(request, layer);
    return placement;
  }

 private:
  LayerPlacement place_layer(const PlacementRequest& request, LayerId layer) const {
    const int experts = request.experts();
    const auto load = request.load.row(layer);
    const auto gpu_of =
        cluster_experts(request.detail.coactivation[layer],
                        slots_per_gpu(even_first_slots(experts, request.gpus)), request.nodes);
    CopyMap map(gpu_of, slots_per_gpu(even_first_slots(experts + redundant_, request.gpus)), load);
    const std::vector<int> wanted = replicate_experts<double>(load, experts + redundant_);
    for (std::size_t i = static_cast<std::size_t>(experts); i < wanted.size(); ++i) {
      const int gpu = map.lightest_without(wanted[i]);
      map.add(wanted[i], gpu >= 0 ? gpu : map.lightest_with_room());
    }
    return map.layer();
  }

  int redundant_ = 0;
  Spot spot_;
};

const Register<PlacementPolicy, Coactivation> kCoactivation{
    {.name = "coactivation",
     .summary = "experts that the same tokens use on one node and GPU: METIS, then pair swaps",
     .source = "after Occult and GRACE-MoE"}};

}  // namespace
}  // namespace moesim
