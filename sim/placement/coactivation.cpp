// Experts that the same tokens use together, on one node and one GPU (co-activation clustering,
// after Occult and GRACE-MoE): a partition of the graph of pairs by METIS, then swaps of pairs.
//
// Where an exchange sends a token once to each GPU or node, however many of its experts are there,
// this lowers what is dispatched. Hot experts that are used together end up together, so balance
// suffers; `most_load` bounds that by swaps that part as few pairs as they can (ours). Redundant
// slots hold copies of the experts with the largest load per copy, each on the lightest GPU that
// has room and does not hold the expert.
#include <numeric>
#include <optional>

#include "sim/placement/affinity.hpp"
#include "sim/placement/packing.hpp"
#include "sim/placement/placement_policy.hpp"

namespace moesim {
namespace {

class Coactivation final : public PlacementPolicy {
 public:
  explicit Coactivation(const Arguments& arguments)
      : redundant_(arguments.integer("redundant")), spot_(arguments.section()) {
    if (arguments.has("most_load")) most_load_ = arguments.number("most_load");
  }
  WindowNeeds needs() const override { return {.coactivation = true}; }

  Placement place(const PlacementRequest& request) const override {
    require_pairs(request, spot_);
    Placement placement{IdVector<LayerId, LayerPlacement>(request.load.rows())};
    for (const LayerId layer : placement.layers.ids())
      placement.layers[layer] = place_layer(request, layer);
    return placement;
  }

 private:
  LayerPlacement place_layer(const PlacementRequest& request, LayerId layer) const {
    const int experts = request.experts();
    const auto load = request.load.row(layer);
    auto gpu_of = cluster_experts(request, layer);
    const double mean = std::accumulate(load.begin(), load.end(), 0.0) / request.gpus;
    if (most_load_)
      limit_load(request.detail.coactivation[layer], load, *most_load_ * mean, gpu_of);
    CopyMap map(gpu_of, slots_per_gpu(even_first_slots(experts + redundant_, request.gpus)), load);
    const std::vector<int> wanted = replicate_experts<double>(load, experts + redundant_);
    for (std::size_t i = static_cast<std::size_t>(experts); i < wanted.size(); ++i) {
      const int gpu = map.lightest_without(wanted[i]);
      map.add(wanted[i], gpu >= 0 ? gpu : map.lightest_with_room());
    }
    return map.layer();
  }

  int redundant_ = 0;
  std::optional<double> most_load_;
  Spot spot_;
};

const Register<PlacementPolicy, Coactivation> kCoactivation{
    {.name = "coactivation",
     .summary = "experts that the same tokens use on one node and GPU: METIS, then pair swaps",
     .source = "after Occult and GRACE-MoE",
     .parameters = {{.name = "most_load",
                     .type = ParameterType::kNumber,
                     .doc =
                         "largest over mean GPU load, before copies, that swaps bring the groups "
                         "down to (default: balance does not count)",
                     .minimum = 1}}}};

}  // namespace
}  // namespace moesim
