// FlashLB (vllm-ascend): places for how the load changes over a window, and changes a map only
// where that pays.
//
// The loads of up to `steps` steps are averaged into a few stages. Redundant slots go, one by one,
// to the expert whose copy lowers Σ over stages of the largest load of a copy most. Copies are
// placed by falling load, each on the GPU, without a copy of the same expert, that leaves the
// lowest Σ over stages of weight · largest GPU load over the mean. Where a map is in use, a layer
// gets its new one only if the present ratio of largest to mean is at least 1.15 of the new one's,
// and at most 8 layers do, those with the most to gain. (The original compares with the ratio after
// the layer's last update, which a map does not tell.)
#include <algorithm>
#include <numeric>

#include "sim/model/imbalance.hpp"
#include "sim/placement/packing.hpp"
#include "sim/placement/placement_policy.hpp"

namespace moesim {
namespace {

// One layer: shares of each stage's load, [experts], which sum to the stage's weight.
using Stages = std::vector<std::vector<double>>;

Stages stages_of(const std::vector<ExpertLoad>& steps, LayerId layer, int count) {
  const std::size_t all = steps.size();
  const auto stages = std::min(all, static_cast<std::size_t>(count));
  Stages result(stages, std::vector<double>(steps.front().columns()));
  for (std::size_t step = 0; step < all; ++step) {
    const auto row = steps[step].row(layer);
    std::vector<double>& stage = result[step * stages / all];
    for (std::size_t e = 0; e < row.size(); ++e) stage[e] += row[e];
  }
  for (std::vector<double>& stage : result) {
    const double sum = std::accumulate(stage.begin(), stage.end(), 0.0);
    const double weight = 1.0 / static_cast<double>(stages);
    for (double& share : stage) share = sum > 0 ? share * weight / sum : 0;
  }
  return result;
}

std::vector<double> sum_over(const Stages& stages) {
  std::vector<double> sum(stages.front().size());
  for (const auto& stage : stages)
    for (std::size_t e = 0; e < sum.size(); ++e) sum[e] += stage[e];
  return sum;
}

// The largest load per copy, its expert, and the largest of the others.
struct Largest {
  std::size_t expert = 0;
  double value = -1, next = 0;
};

Largest largest_of(std::span<const double> stage, std::span<const int> copies) {
  Largest largest;
  for (std::size_t e = 0; e < stage.size(); ++e) {
    const double share = stage[e] / copies[e];
    if (share > largest.value) {
      largest = {e, share, std::max(largest.value, 0.0)};
    } else {
      largest.next = std::max(largest.next, share);
    }
  }
  return largest;
}

// Experts of the physical ones in the order they were made.
std::vector<int> replicate(const Stages& stages, int slots) {
  const std::size_t experts = stages.front().size();
  std::vector<int> expert_of(experts), copies(experts, 1);
  std::iota(expert_of.begin(), expert_of.end(), 0);
  const std::vector<double> total = sum_over(stages);
  while (static_cast<int>(expert_of.size()) < slots) {
    std::vector<double> drop(experts);
    for (const auto& stage : stages) {
      const Largest largest = largest_of(stage, copies);
      const double after = stage[largest.expert] / (copies[largest.expert] + 1);
      drop[largest.expert] += largest.value - std::max(after, largest.next);
    }
    std::size_t best = 0;
    const auto better = [&](std::size_t a, std::size_t b) {
      return drop[a] != drop[b] ? drop[a] > drop[b] : total[a] / copies[a] > total[b] / copies[b];
    };
    for (std::size_t e = 1; e < experts; ++e)
      if (better(e, best)) best = e;
    ++copies[best];
    expert_of.push_back(static_cast<int>(best));
  }
  return expert_of;
}

// Copies on GPUs, while they are being placed.
class Packing {
 public:
  Packing(const Stages& stages, std::span<const int> expert_of, std::span<const int> room)
      : room_(room.begin(), room.end()),
        load_(stages.size(), std::vector<double>(room.size())),
        largest_(stages.size()),
        held_(room.size()) {
    std::vector<int> copies(stages.front().size());
    for (const int expert : expert_of) ++copies[static_cast<std::size_t>(expert)];
    share_ = stages;
    for (auto& stage : share_)
      for (std::size_t e = 0; e < stage.size(); ++e) stage[e] /= std::max(1, copies[e]);
  }

  Packed put(int expert) {
    int gpu = best_gpu(expert, true);
    if (gpu < 0) gpu = best_gpu(expert, false);
    MOESIM_CHECK(gpu >= 0, "there are as many slots as copies");
    const auto g = static_cast<std::size_t>(gpu);
    for (std::size_t stage = 0; stage < load_.size(); ++stage) {
      load_[stage][g] += share_[stage][static_cast<std::size_t>(expert)];
      largest_[stage] = std::max(largest_[stage], load_[stage][g]);
    }
    held_[g].push_back(expert);
    return {.pack = gpu, .rank = static_cast<int>(held_[g].size()) - 1};
  }

 private:
  int best_gpu(int expert, bool apart) const {
    int best = -1;
    double best_sum = 0, best_load = 0;
    for (std::size_t gpu = 0; gpu < room_.size(); ++gpu) {
      const auto& held = held_[gpu];
      if (std::ssize(held) == room_[gpu]) continue;
      if (apart && std::find(held.begin(), held.end(), expert) != held.end()) continue;
      double sum = 0, load = 0;
      for (std::size_t stage = 0; stage < load_.size(); ++stage) {
        const double after = load_[stage][gpu] + share_[stage][static_cast<std::size_t>(expert)];
        sum += std::max(largest_[stage], after);
        load += after;
      }
      if (best >= 0 && (sum > best_sum || (sum == best_sum && load >= best_load))) continue;
      best = static_cast<int>(gpu), best_sum = sum, best_load = load;
    }
    return best;
  }

  std::vector<int> room_;
  Stages share_;                           // of a copy
  std::vector<std::vector<double>> load_;  // [stages][gpus]
  std::vector<double> largest_;            // [stages]
  std::vector<std::vector<int>> held_;     // experts of each GPU
};

LayerPlacement place_layer(const Stages& stages, const std::vector<int>& first_slot) {
  const std::vector<int> expert_of = replicate(stages, first_slot.back());
  const std::vector<double> share = load_of_replicas<double>(sum_over(stages), expert_of);
  const std::vector<int> room = slots_per_gpu(first_slot);
  Packing packing(stages, expert_of, room);
  std::vector<Packed> packed(expert_of.size());
  for (const int item : heaviest_first<double>(share)) {
    const auto i = static_cast<std::size_t>(item);
    packed[i] = packing.put(expert_of[i]);
  }
  return packed_layer(expert_of, packed, first_slot, static_cast<int>(stages.front().size()));
}

class FlashLb final : public PlacementPolicy {
 public:
  explicit FlashLb(const Arguments& arguments)
      : redundant_(arguments.integer("redundant")),
        steps_(arguments.integer("steps")),
        stages_(arguments.integer("stages")),
        most_layers_(arguments.integer("layers")),
        ratio_(arguments.number("ratio")),
        spot_(arguments.section()) {}
  WindowNeeds needs() const override { return {.steps = steps_}; }

  Placement place(const PlacementRequest& request) const override {
    require_known(!request.detail.steps.empty(), "the load of single steps", spot_,
                  "flashlb places for how the load changes; lpt places for the sum");
    const std::vector<int> first_slot =
        even_first_slots(request.experts() + redundant_, request.gpus);
    Placement placement{IdVector<LayerId, LayerPlacement>(request.load.rows())};
    for (const LayerId layer : placement.layers.ids())
      placement.layers[layer] =
          place_layer(stages_of(request.detail.steps, layer, stages_), first_slot);
    if (request.present != nullptr) keep_present(request, placement);
    return placement;
  }

 private:
  // Puts the present maps back where the new ones are not worth it.
  void keep_present(const PlacementRequest& request, Placement& placement) const {
    std::vector<std::pair<double, LayerId>> gains;
    for (const LayerId layer : placement.layers.ids()) {
      const auto load = request.load.row(layer);
      const auto ratio_of = [&](const LayerPlacement& map) {
        return max_over_mean(predicted_gpu_load(map, load).raw());
      };
      gains.emplace_back(
          ratio_of(request.present->layers[layer]) / ratio_of(placement.layers[layer]), layer);
    }
    std::stable_sort(gains.begin(), gains.end(),
                     [](const auto& a, const auto& b) { return a.first > b.first; });
    for (std::size_t i = 0; i < gains.size(); ++i)
      if (static_cast<int>(i) >= most_layers_ || gains[i].first < ratio_)
        placement.layers[gains[i].second] = request.present->layers[gains[i].second];
  }

  int redundant_ = 0, steps_ = 0, stages_ = 0, most_layers_ = 0;
  double ratio_ = 1;
  Spot spot_;
};

const Register<PlacementPolicy, FlashLb> kFlashLb{
    {.name = "flashlb",
     .summary = "places for stages of a window, copies apart; changes only layers that gain",
     .source = "vllm-ascend, as in policies.md 3.6",
     .parameters = {{.name = "steps",
                     .type = ParameterType::kInteger,
                     .doc = "of the window that are looked at, the last ones",
                     .fallback = "32",
                     .minimum = 1},
                    {.name = "stages",
                     .type = ParameterType::kInteger,
                     .doc = "that the steps are averaged into; assumed",
                     .fallback = "4",
                     .minimum = 1},
                    {.name = "ratio",
                     .type = ParameterType::kNumber,
                     .doc = "present over new largest-to-mean load from which on a layer changes",
                     .fallback = "1.15",
                     .minimum = 1},
                    {.name = "layers",
                     .type = ParameterType::kInteger,
                     .doc = "that change at a time, at most",
                     .fallback = "8",
                     .minimum = 1}}}};

}  // namespace
}  // namespace moesim
