// First-fit decreasing where memory, not a number of slots, says what a GPU can hold: as lpt, each
// copy to the GPU with the least load that has room for its weights.
//
// A GPU's memory for experts is dealt evenly to the layers. All experts of a layer are equally
// large, so the room of a GPU is a number of experts, but another one on each GPU, and a GPU may
// end with fewer.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "sim/placement/packing.hpp"
#include "sim/placement/placement_policy.hpp"

namespace moesim {
namespace {

constexpr double kMostRoom = 1e6;  // experts; memory beyond does not matter

class FfdMemory final : public PlacementPolicy {
 public:
  explicit FfdMemory(const Arguments& arguments)
      : arguments_(arguments), redundant_(arguments.integer("redundant")) {}
  WindowNeeds needs() const override { return {}; }
  bool keeps_slots() const override { return false; }

  Placement place(const PlacementRequest& request) const override {
    const std::vector<int> room = room_of(request);
    const int slots = request.experts() + redundant_;
    const int all = std::accumulate(room.begin(), room.end(), 0);
    if (all < slots)
      throw InputError(
          arguments_.spot(arguments_.given("memory") ? "memory" : "redundant"),
          fmt::format("{} experts of a layer do not fit: the GPUs have memory for {}", slots, all),
          "more memory, more GPUs, or fewer redundant experts");
    Placement placement{IdVector<LayerId, LayerPlacement>(request.load.rows())};
    for (const LayerId layer : placement.layers.ids())
      placement.layers[layer] = place_layer(request.load.row(layer), slots, room);
    return placement;
  }

 private:
  // Experts of a layer that each GPU has memory for, [gpus].
  std::vector<int> room_of(const PlacementRequest& request) const {
    const double size = arguments_.given("expert_size") ? arguments_.size("expert_size").value
                                                        : request.expert_size.value;
    require_known(size > 0, "the size of an expert", arguments_.section(),
                  "say expert_size: 44 MB");
    std::vector<int> room;
    for (const Bytes memory : memory_of(request))
      room.push_back(static_cast<int>(std::min(
          kMostRoom, std::floor(memory.value / static_cast<double>(request.load.rows()) / size))));
    return room;
  }

  std::vector<Bytes> memory_of(const PlacementRequest& request) const {
    if (!arguments_.given("memory")) {
      require_known(!request.expert_room.empty(), "the GPUs' memory for experts",
                    arguments_.section(), "say memory: 80 GB, or one for each GPU or node");
      return request.expert_room.raw();
    }
    const Spot spot = arguments_.spot("memory");
    std::vector<Bytes> given;
    for (const std::string& text : arguments_.texts("memory"))
      given.emplace_back(parse_quantity(text, ParameterType::kSize, spot));
    const auto gpus = static_cast<std::size_t>(request.gpus);
    if (given.size() != 1 && given.size() != gpus &&
        given.size() != static_cast<std::size_t>(request.nodes))
      throw InputError(spot, fmt::format("{} sizes are neither one for each of {} GPUs nor for "
                                         "each of {} nodes",
                                         given.size(), gpus, request.nodes));
    std::vector<Bytes> memory;
    for (std::size_t gpu = 0; gpu < gpus; ++gpu) memory.push_back(given[gpu * given.size() / gpus]);
    return memory;
  }

  static LayerPlacement place_layer(std::span<const double> load, int slots,
                                    std::span<const int> room) {
    const std::vector<int> expert_of = replicate_experts<double>(load, slots);
    const std::vector<double> share = load_of_replicas<double>(load, expert_of);
    const std::vector<double> even(room.size(), 1.0);
    const auto packed = pack_by_time(share, room, even);
    std::vector<int> first_slot(room.size() + 1);
    for (const Packed& at : packed) ++first_slot[static_cast<std::size_t>(at.pack) + 1];
    std::partial_sum(first_slot.begin(), first_slot.end(), first_slot.begin());
    return packed_layer(expert_of, packed, first_slot, static_cast<int>(load.size()));
  }

  Arguments arguments_;
  int redundant_ = 0;
};

const Register<PlacementPolicy, FfdMemory> kFfdMemory{
    {.name = "ffd_memory",
     .summary = "lpt with the room of each GPU in bytes, not in slots",
     .source = "policies.md 3.6",
     .parameters = {{.name = "memory",
                     .type = ParameterType::kTexts,
                     .doc = "for the experts of all layers: of every GPU, or a list with one for "
                            "each GPU or node (default: what the run leaves)"},
                    {.name = "expert_size",
                     .type = ParameterType::kSize,
                     .doc = "weights of one expert (default: the model's)",
                     .minimum = 1}}}};

}  // namespace
}  // namespace moesim
