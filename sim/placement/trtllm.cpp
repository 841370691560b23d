// TensorRT-LLM's load balancer (cpp/tensorrt_llm/runtime/moeLoadBalancer/moeLoadBalancer.cpp).
//
// Replicas go to the expert with the largest load per copy, from a heap in which the largest id
// wins among equals; slots by falling load, each to the rank with the least load that has a free
// slot. All in double. With `cooccurrence` each rank first collects experts that the same tokens
// ask for (examples/ep_load_balancer): from its heaviest free slot on, the one with the largest sum
// of co-occurrence with those already there, up to a share of its slots and of the average load;
// the rest goes as before.
#include <algorithm>
#include <numeric>
#include <queue>

#include "sim/placement/packing.hpp"
#include "sim/placement/placement_policy.hpp"

namespace moesim {
namespace {

// Copies of each expert, [experts], `slots` in all.
std::vector<int> replica_counts(std::span<const double> load, int slots) {
  const int experts = static_cast<int>(load.size());
  std::vector<int> count(load.size(), 1);
  if (std::accumulate(load.begin(), load.end(), 0.0) <= 0) {
    for (int e = 0; e < experts; ++e)
      count[static_cast<std::size_t>(e)] = slots / experts + (e < slots % experts ? 1 : 0);
    return count;
  }
  std::priority_queue<std::pair<double, int>> heap;
  for (int e = 0; e < experts; ++e) heap.emplace(load[static_cast<std::size_t>(e)], e);
  for (int slot = experts; slot < slots; ++slot) {
    const int expert = heap.top().second;
    heap.pop();
    const auto e = static_cast<std::size_t>(expert);
    heap.emplace(load[e] / ++count[e], expert);
  }
  return count;
}

class TensorRtLlm final : public PlacementPolicy {
 public:
  explicit TensorRtLlm(const Arguments& arguments)
      : redundant_(arguments.integer("redundant")),
        distinct_gpus_(arguments.flag("distinct_gpus")),
        cooccurrence_(arguments.flag("cooccurrence")),
        share_(arguments.number("share")),
        spot_(arguments.section()) {}

  WindowNeeds needs() const override { return {.coactivation = cooccurrence_}; }

  Placement place(const PlacementRequest& request) const override {
    if (cooccurrence_)
      require_known(!request.detail.coactivation.empty(), "which experts the same tokens ask for",
                    spot_, "trtllm's cooccurrence needs a trace with expert ids");
    const std::vector<int> first_slot =
        even_first_slots(request.experts() + redundant_, request.gpus);
    Placement placement{IdVector<LayerId, LayerPlacement>(request.load.rows())};
    for (const LayerId layer : placement.layers.ids())
      placement.layers[layer] =
          place_layer(request.load.row(layer), first_slot,
                      cooccurrence_ ? &request.detail.coactivation[layer] : nullptr);
    return placement;
  }

 private:
  // Slots to be placed, heaviest first, and what the ranks hold so far.
  struct Slots {
    std::vector<int> expert;   // of each slot
    std::vector<double> load;  // of each slot
    std::vector<Packed> packed;
    std::vector<bool> placed;
    std::vector<double> rank_load;
    std::vector<std::vector<int>> held;  // experts of each rank
    void put(std::size_t slot, int rank) {
      const auto r = static_cast<std::size_t>(rank);
      packed[slot] = {.pack = rank, .rank = static_cast<int>(held[r].size())};
      placed[slot] = true;
      rank_load[r] += load[slot];
      held[r].push_back(expert[slot]);
    }
    bool holds(std::size_t rank, int wanted) const {
      return std::find(held[rank].begin(), held[rank].end(), wanted) != held[rank].end();
    }
  };

  LayerPlacement place_layer(std::span<const double> load, const std::vector<int>& first_slot,
                             const ExpertPairs* together) const {
    Slots slots = sorted_slots(load, first_slot.back());
    const std::vector<int> room = slots_per_gpu(first_slot);
    slots.rank_load.assign(room.size(), 0);
    slots.held.resize(room.size());
    if (together != nullptr) collect(*together, room, slots);
    for (std::size_t slot = 0; slot < slots.expert.size(); ++slot) {
      if (slots.placed[slot]) continue;
      int rank = lightest(slots, room, distinct_gpus_ ? slots.expert[slot] : -1);
      if (rank < 0) rank = lightest(slots, room, -1);
      slots.put(slot, rank);
    }
    return packed_layer(slots.expert, slots.packed, first_slot, static_cast<int>(load.size()));
  }

  static Slots sorted_slots(std::span<const double> load, int count) {
    const std::vector<int> copies = replica_counts(load, count);
    std::vector<int> order(load.size());
    std::iota(order.begin(), order.end(), 0);
    const auto share = [&](int e) {
      return load[static_cast<std::size_t>(e)] / copies[static_cast<std::size_t>(e)];
    };
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return share(a) > share(b); });
    Slots slots;
    for (const int e : order)
      for (int copy = 0; copy < copies[static_cast<std::size_t>(e)]; ++copy) {
        slots.expert.push_back(e);
        slots.load.push_back(share(e));
      }
    slots.packed.resize(slots.expert.size());
    slots.placed.resize(slots.expert.size());
    return slots;
  }

  // The rank with a free slot and the least load; −1 = all of them hold `apart_from`.
  static int lightest(const Slots& slots, std::span<const int> room, int apart_from) {
    int best = -1;
    for (std::size_t rank = 0; rank < room.size(); ++rank) {
      if (std::ssize(slots.held[rank]) == room[rank]) continue;
      if (apart_from >= 0 && slots.holds(rank, apart_from)) continue;
      if (best < 0 || slots.rank_load[rank] < slots.rank_load[static_cast<std::size_t>(best)])
        best = static_cast<int>(rank);
    }
    return best;
  }

  void collect(const ExpertPairs& together, std::span<const int> room, Slots& slots) const {
    const double average = std::accumulate(slots.load.begin(), slots.load.end(), 0.0) /
                           static_cast<double>(room.size());
    for (std::size_t rank = 0; rank < room.size(); ++rank) {
      while (static_cast<double>(slots.held[rank].size()) < share_ * room[rank] &&
             slots.rank_load[rank] < share_ * average) {
        const std::ptrdiff_t slot = most_together(together, slots, rank);
        if (slot < 0) break;
        slots.put(static_cast<std::size_t>(slot), static_cast<int>(rank));
      }
    }
  }

  // The slot whose expert is asked for most together with those of the rank, the heaviest of
  // equals; −1 = all others are here already.
  static std::ptrdiff_t most_together(const ExpertPairs& together, const Slots& slots,
                                      std::size_t rank) {
    std::ptrdiff_t best = -1;
    double most = -1;
    for (std::size_t slot = 0; slot < slots.expert.size(); ++slot) {
      const int expert = slots.expert[slot];
      if (slots.placed[slot] || slots.holds(rank, expert)) continue;
      double sum = 0;
      for (const int other : slots.held[rank]) sum += together(ExpertId(expert), ExpertId(other));
      if (sum > most) most = sum, best = static_cast<std::ptrdiff_t>(slot);
    }
    return best;
  }

  int redundant_ = 0;
  bool distinct_gpus_ = false;
  bool cooccurrence_ = false;
  double share_ = 0.8;
  Spot spot_;
};

const Register<PlacementPolicy, TensorRtLlm> kTensorRtLlm{
    {.name = "trtllm",
     .summary = "TensorRT-LLM's balancer: copies from a heap, then slots by falling load",
     .source = "NVIDIA/TensorRT-LLM moeLoadBalancer",
     .parameters = {
         {.name = "distinct_gpus",
          .type = ParameterType::kFlag,
          .doc = "ours: no two copies of an expert on one GPU where that can be avoided",
          .fallback = "false"},
         {.name = "cooccurrence",
          .type = ParameterType::kFlag,
          .doc = "first gather experts on a GPU that the same tokens ask for",
          .fallback = "false"},
         {.name = "share",
          .type = ParameterType::kNumber,
          .doc = "of cooccurrence: share of a GPU's slots and of the average load filled that way",
          .fallback = "0.8",
          .minimum = 0,
          .maximum = 1}}}};

}  // namespace
}  // namespace moesim
