// Experts dealt one by one: slot p, which holds expert p mod E, is on GPU p mod D (vLLM's
// `round_robin`).
#include "sim/placement/packing.hpp"
#include "sim/placement/placement_policy.hpp"

namespace moesim {
namespace {

class RoundRobin final : public PlacementPolicy {
 public:
  explicit RoundRobin(const Arguments& arguments) : redundant_(arguments.integer("redundant")) {}
  WindowNeeds needs() const override { return {.load = false}; }

  Placement place(const PlacementRequest& request) const override {
    const int slots = request.experts() + redundant_;
    std::vector<Packed> dealt;
    for (int p = 0; p < slots; ++p)
      dealt.push_back({.pack = p % request.gpus, .rank = p / request.gpus});
    const LayerPlacement layer =
        packed_layer(repeated_experts(slots, request.experts()), dealt,
                     even_first_slots(slots, request.gpus), request.experts());
    return {.layers = IdVector<LayerId, LayerPlacement>(request.load.rows(), layer)};
  }

 private:
  int redundant_ = 0;
};

const Register<PlacementPolicy, RoundRobin> kRoundRobin{
    {.name = "round_robin",
     .summary = "expert e on GPU e mod GPUs; redundant slots repeat experts 0, 1, …",
     .source = "vLLM"}};

}  // namespace
}  // namespace moesim
