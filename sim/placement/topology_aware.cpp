// SGLang's topology_aware (2026): experts by falling load, each to the GPU to which its tokens have
// the least way.
//
// The cost of a GPU is Σ over source GPUs of the expert's routes there × the distance; the lowest
// GPU wins among equals. It lowers what crosses the network, not the largest GPU load. Copies of an
// expert, by load per copy, go to the GPUs that come next and do not hold it.
#include <algorithm>
#include <numeric>

#include "sim/placement/packing.hpp"
#include "sim/placement/placement_policy.hpp"

namespace moesim {
namespace {

using Distances = std::vector<std::vector<double>>;  // [target][source]

Distances distances_of(const PlacementRequest& request) {
  const auto gpus = static_cast<std::size_t>(request.gpus);
  Distances distances(gpus, std::vector<double>(gpus));
  for (std::size_t target = 0; target < gpus; ++target)
    for (std::size_t source = 0; source < gpus; ++source)
      distances[target][source] = request.distance(GpuId(source), GpuId(target));
  return distances;
}

// Of an expert, [gpus].
std::vector<double> costs_of(const SourceLoad& sources, ExpertId expert,
                             const Distances& distances) {
  std::vector<double> routes;
  for (const GpuId source : sources.row_ids()) routes.push_back(sources(source, expert));
  std::vector<double> cost;
  for (const std::vector<double>& from : distances)
    cost.push_back(std::inner_product(from.begin(), from.end(), routes.begin(), 0.0));
  return cost;
}

class TopologyAware final : public PlacementPolicy {
 public:
  explicit TopologyAware(const Arguments& arguments)
      : redundant_(arguments.integer("redundant")), spot_(arguments.section()) {}
  WindowNeeds needs() const override { return {.sources = true}; }

  Placement place(const PlacementRequest& request) const override {
    require_known(!request.detail.sources.empty(), "which GPU asks for which expert", spot_,
                  "topology_aware needs a trace, with the ranks of its tokens");
    require_known(static_cast<bool>(request.distance), "the distance between GPUs", spot_, "");
    const Distances distances = distances_of(request);
    const std::vector<int> first_slot =
        even_first_slots(request.experts() + redundant_, request.gpus);
    Placement placement{IdVector<LayerId, LayerPlacement>(request.load.rows())};
    for (const LayerId layer : placement.layers.ids())
      placement.layers[layer] = place_layer(request.load.row(layer), request.detail.sources[layer],
                                            distances, first_slot);
    return placement;
  }

 private:
  static LayerPlacement place_layer(std::span<const double> load, const SourceLoad& sources,
                                    const Distances& distances,
                                    const std::vector<int>& first_slot) {
    const std::vector<int> expert_of = replicate_experts<double>(load, first_slot.back());
    const std::vector<double> share = load_of_replicas<double>(load, expert_of);
    const std::vector<int> room = slots_per_gpu(first_slot);
    std::vector<std::vector<int>> held(room.size());
    std::vector<Packed> packed(expert_of.size());
    for (const int item : heaviest_first<double>(share)) {
      const auto i = static_cast<std::size_t>(item);
      const auto cost = costs_of(sources, ExpertId(expert_of[i]), distances);
      const auto gpu = static_cast<std::size_t>(nearest(cost, room, held, expert_of[i]));
      packed[i] = {.pack = static_cast<int>(gpu), .rank = static_cast<int>(held[gpu].size())};
      held[gpu].push_back(expert_of[i]);
    }
    return packed_layer(expert_of, packed, first_slot, static_cast<int>(load.size()));
  }

  // With a free slot, and without the expert if there is one.
  static int nearest(std::span<const double> cost, std::span<const int> room,
                     const std::vector<std::vector<int>>& held, int expert) {
    int best = -1;
    bool best_holds = false;
    for (std::size_t gpu = 0; gpu < room.size(); ++gpu) {
      if (std::ssize(held[gpu]) == room[gpu]) continue;
      const bool holds = std::find(held[gpu].begin(), held[gpu].end(), expert) != held[gpu].end();
      const bool better = best < 0 || (best_holds && !holds) ||
                          (best_holds == holds && cost[gpu] < cost[static_cast<std::size_t>(best)]);
      if (better) best = static_cast<int>(gpu), best_holds = holds;
    }
    MOESIM_CHECK(best >= 0, "there are as many slots as copies");
    return best;
  }

  int redundant_ = 0;
  Spot spot_;
};

const Register<PlacementPolicy, TopologyAware> kTopologyAware{
    {.name = "topology_aware",
     .summary = "experts by falling load, each where its tokens have the least way to it",
     .source = "SGLang (2026), as in policies.md 3.3"}};

}  // namespace
}  // namespace moesim
