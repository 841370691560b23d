#include "sim/placement/transitions.hpp"

namespace moesim {
namespace {

// Tokens between an expert and each GPU of another layer, added to `tokens` [experts × gpus].
void add_tokens(const ExpertPairs& pairs, std::span<const int> other, bool other_is_next,
                Matrix& tokens) {
  for (const ExpertId from : pairs.row_ids())
    for (const ExpertId to : pairs.column_ids()) {
      const ExpertId own = other_is_next ? from : to, far = other_is_next ? to : from;
      tokens(own.index(), static_cast<std::size_t>(other[far.index()])) += pairs(from, to);
    }
}

}  // namespace

double transition_cost(const Transitions& transitions, const ExpertGpus& gpu_of,
                       const GpuDistance& distance) {
  double cost = 0;
  for (const LayerId layer : transitions.ids()) {
    const ExpertPairs& pairs = transitions[layer];
    const auto& from_gpu = gpu_of[layer];
    const auto& to_gpu = gpu_of[LayerId(layer.value + 1)];
    for (const ExpertId from : pairs.row_ids())
      for (const ExpertId to : pairs.column_ids())
        cost +=
            pairs(from, to) * distance(GpuId(from_gpu[from.index()]), GpuId(to_gpu[to.index()]));
  }
  return cost;
}

Matrix cost_on_gpus(const Transitions& transitions, const ExpertGpus& gpu_of, LayerId layer,
                    std::span<const char> known, int gpus, const GpuDistance& distance) {
  Matrix tokens(gpu_of[layer].size(), static_cast<std::size_t>(gpus));
  const LayerId before(layer.value - 1), after(layer.value + 1);
  if (before.valid() && known[before.index()])
    add_tokens(transitions[before], gpu_of[before], false, tokens);
  if (after.index() < gpu_of.size() && known[after.index()])
    add_tokens(transitions[layer], gpu_of[after], true, tokens);
  Matrix hops(static_cast<std::size_t>(gpus), static_cast<std::size_t>(gpus));
  for (const GpuId from : IdRange<GpuId>(gpus))
    for (const GpuId to : IdRange<GpuId>(gpus)) hops(from.index(), to.index()) = distance(from, to);
  Matrix cost(tokens.rows(), tokens.columns());
  for (std::size_t expert = 0; expert < tokens.rows(); ++expert)
    for (std::size_t far = 0; far < tokens.columns(); ++far)
      for (std::size_t gpu = 0; gpu < cost.columns() && tokens(expert, far) > 0; ++gpu)
        cost(expert, gpu) += tokens(expert, far) * hops(far, gpu);
  return cost;
}

Placement placement_of(const ExpertGpus& gpu_of, int gpus) {
  Placement placement{IdVector<LayerId, LayerPlacement>(gpu_of.size())};
  for (const LayerId layer : gpu_of.ids()) {
    std::vector<int> first_slot{0};
    IdVector<SlotId, ExpertId> expert_of;
    for (int gpu = 0; gpu < gpus; ++gpu) {
      for (std::size_t expert = 0; expert < gpu_of[layer].size(); ++expert)
        if (gpu_of[layer][expert] == gpu) expert_of.raw().emplace_back(expert);
      first_slot.push_back(static_cast<int>(expert_of.size()));
    }
    placement.layers[layer] = make_layer_placement(std::move(first_slot), std::move(expert_of),
                                                   static_cast<int>(gpu_of[layer].size()));
  }
  return placement;
}

}  // namespace moesim
