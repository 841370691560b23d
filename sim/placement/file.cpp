// A map from a file: of a serving engine, or of `moesim place`.
#include <fmt/format.h>

#include <algorithm>

#include "sim/placement/map_file.hpp"
#include "sim/placement/placement_policy.hpp"

namespace moesim {
namespace {

class FilePlacement final : public PlacementPolicy {
 public:
  explicit FilePlacement(const Arguments& arguments)
      : rows_(read_map_file(arguments.existing_file("path"), arguments.text("model"))),
        skip_(arguments.integer("skip_layers")),
        spot_(arguments.spot("path")) {
    if (arguments.given("redundant")) redundant_ = arguments.integer("redundant");
  }
  WindowNeeds needs() const override { return {.load = false}; }

  Placement place(const PlacementRequest& request) const override {
    const int layers = static_cast<int>(request.load.rows());
    if (static_cast<int>(rows_.size()) != skip_ + layers)
      throw InputError(spot_,
                       fmt::format("the map has {} layers, and {} MoE layers are to be placed",
                                   rows_.size(), layers),
                       static_cast<int>(rows_.size()) > layers
                           ? fmt::format("skip_layers: {}, if the dense layers come first",
                                         static_cast<int>(rows_.size()) - layers)
                           : "");
    Placement placement{IdVector<LayerId, LayerPlacement>(layers)};
    for (const LayerId layer : placement.layers.ids())
      placement.layers[layer] =
          place_layer(rows_[static_cast<std::size_t>(skip_) + layer.index()], request);
    return placement;
  }

 private:
  LayerPlacement place_layer(const MapRow& row, const PlacementRequest& request) const {
    const int slots = static_cast<int>(row.experts.size());
    const int experts = request.experts();
    if (redundant_ >= 0 && slots != experts + redundant_)
      throw InputError(row.spot, fmt::format("{} slots are not {} experts + {} redundant ones",
                                             slots, experts, redundant_));
    check_experts(row, experts);
    std::vector<int> first_slot = row.first_slot;
    if (first_slot.empty()) {
      first_slot = even_first_slots(slots, request.gpus);
    } else if (static_cast<int>(first_slot.size()) != request.gpus + 1) {
      throw InputError(row.spot, fmt::format("the map is for {} GPUs, the cluster has {}",
                                             first_slot.size() - 1, request.gpus));
    }
    IdVector<SlotId, ExpertId> expert_of;
    for (const int expert : row.experts) expert_of.raw().emplace_back(expert);
    return make_layer_placement(std::move(first_slot), std::move(expert_of), experts);
  }

  static void check_experts(const MapRow& row, int experts) {
    std::vector<bool> placed(static_cast<std::size_t>(experts));
    for (const int expert : row.experts) {
      if (expert >= experts)
        throw InputError(
            row.spot, fmt::format("expert {} does not exist: the model has {}", expert, experts));
      placed[static_cast<std::size_t>(expert)] = true;
    }
    const auto missing = std::find(placed.begin(), placed.end(), false);
    if (missing != placed.end())
      throw InputError(row.spot, fmt::format("expert {} has no slot", missing - placed.begin()));
  }

  std::vector<MapRow> rows_;
  int skip_ = 0;
  int redundant_ = -1;  // −1 = whatever the file has
  Spot spot_;
};

const Register<PlacementPolicy, FilePlacement> kFile{
    {.name = "file",
     .summary = "a map of SGLang, vLLM, vllm-ascend, TensorRT-LLM or `moesim place`",
     .parameters = {{.name = "path",
                     .type = ParameterType::kPath,
                     .doc = "the map (JSON or YAML)",
                     .required = true},
                    {.name = "model",
                     .type = ParameterType::kText,
                     .doc = "whose map, in a file with the maps of several models",
                     .fallback = "\"\""},
                    {.name = "skip_layers",
                     .type = ParameterType::kInteger,
                     .doc = "rows before the first MoE layer (SGLang writes dense layers, too)",
                     .fallback = "0",
                     .minimum = 0}}}};

}  // namespace
}  // namespace moesim
