// Lazarus (after the paper: Wu et al., "Lazarus: Resilient and Elastic Training of
// Mixture-of-Experts Models with Adaptive Expert Placement", 2024; no source was at hand): copies
// by popularity, placed so that every expert most likely survives when GPUs fail at random.
//
// Copies: experts by rising load, each its share of the slots that are left, rounded down, but at
// least f and at most one a GPU. Places (maximum rank overlap): experts by rising number of copies,
// in groups of as many as a GPU has slots; each group in turn fills as many fresh GPUs as its
// first expert has copies. Those GPUs hold the whole group, so that it survives with any of them:
// the experts of a group never depend on different GPUs. Copies that are left fill the other slots,
// each on a GPU that does not have its expert where there is one.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "sim/placement/packing.hpp"
#include "sim/placement/placement_policy.hpp"

namespace moesim {
namespace {

// What fails as one: a GPU, or a node with all its slots.
struct Bins {
  int count = 1;
  int slots = 1;  // of each
};

std::vector<int> by_rising(const auto& values) {
  std::vector<int> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
    return values[static_cast<std::size_t>(a)] < values[static_cast<std::size_t>(b)];
  });
  return order;
}

// Copies of each expert: sum to all slots, and none is below `least`. [experts]
std::vector<int> copies_of(std::span<const double> load, const Bins& bins, int least) {
  std::vector<int> copies(load.size());
  int slots = bins.count * bins.slots;
  double rest = std::accumulate(load.begin(), load.end(), 0.0);
  auto waiting = static_cast<int>(load.size());
  for (const int expert : by_rising(load)) {
    const auto e = static_cast<std::size_t>(expert);
    const double share = rest > 0 ? load[e] / rest : 1.0 / waiting;
    --waiting;
    const int wanted = std::max(least, static_cast<int>(share * slots + 1e-9));
    copies[e] = std::min({wanted, bins.count, slots - waiting * least});
    slots -= copies[e];
    rest -= load[e];
  }
  // Slots beyond one a bin for the hottest: to whoever has the largest load per copy.
  for (; slots > 0; --slots) {
    std::size_t best = 0;
    const auto worth = [&](std::size_t e) {
      return (copies[e] < bins.count ? 1e30 : 0) + load[e] / copies[e];
    };
    for (std::size_t e = 1; e < copies.size(); ++e)
      if (worth(e) > worth(best)) best = e;
    ++copies[best];
  }
  return copies;
}

// Experts of each bin, [bins][slots].
class OverlapPlacer {
 public:
  OverlapPlacer(std::vector<int> copies, const Bins& bins)
      : bins_(bins), left_(std::move(copies)), held_(static_cast<std::size_t>(bins.count)) {}

  std::vector<std::vector<int>> run() {
    const std::vector<int> order = by_rising(left_);
    const auto size = static_cast<std::size_t>(bins_.slots);
    std::size_t fresh = 0;
    for (std::size_t first = 0; first < order.size(); first += size) {
      const std::size_t end = std::min(first + size, order.size());
      const auto wanted = static_cast<std::size_t>(left_[static_cast<std::size_t>(order[first])]);
      const std::size_t last = std::min(fresh + wanted, held_.size());
      for (; fresh < last; ++fresh)
        for (std::size_t i = first; i < end; ++i) put(order[i], fresh);
    }
    fill(order);
    return std::move(held_);
  }

 private:
  void put(int expert, std::size_t bin) {
    held_[bin].push_back(expert);
    --left_[static_cast<std::size_t>(expert)];
  }

  // The expert with the most copies left first, on the bin with the most room that lacks it.
  void fill(const std::vector<int>& order) {
    while (true) {
      int expert = -1;
      for (const int one : order)
        if (left_[static_cast<std::size_t>(one)] > 0 &&
            (expert < 0 ||
             left_[static_cast<std::size_t>(one)] > left_[static_cast<std::size_t>(expert)]))
          expert = one;
      if (expert < 0) return;
      put(expert, best_bin(expert));
    }
  }

  std::size_t best_bin(int expert) const {
    std::size_t best = held_.size();
    const auto worth = [&](std::size_t bin) {
      const std::vector<int>& held = held_[bin];
      const bool has = std::find(held.begin(), held.end(), expert) != held.end();
      return (has ? 0 : bins_.slots) + bins_.slots - static_cast<int>(held.size());
    };
    for (std::size_t bin = 0; bin < held_.size(); ++bin) {
      if (static_cast<int>(held_[bin].size()) == bins_.slots) continue;
      if (best == held_.size() || worth(bin) > worth(best)) best = bin;
    }
    return best;
  }

  Bins bins_;
  std::vector<int> left_;  // copies to be placed, [experts]
  std::vector<std::vector<int>> held_;
};

class Lazarus final : public PlacementPolicy {
 public:
  explicit Lazarus(const Arguments& arguments)
      : redundant_(arguments.integer("redundant")),
        least_(arguments.has("copies") ? arguments.integer("copies") : 0),
        nodes_fail_(arguments.text("fails") == "node"),
        spot_(arguments.spot("redundant")),
        copies_spot_(arguments.spot("copies")) {}

  WindowNeeds needs() const override { return {}; }

  Placement place(const PlacementRequest& request) const override {
    const int slots = request.experts() + redundant_;
    if (slots % request.gpus != 0)
      throw InputError(
          spot_, fmt::format("{} slots cannot be dealt evenly to {} GPUs", slots, request.gpus));
    const bool by_node = nodes_fail_ && request.gpus % request.nodes == 0;
    const int count = by_node ? request.nodes : request.gpus;
    const Bins bins{.count = count, .slots = slots / count};
    const int least = least_ > 0 ? least_ : std::min({2, slots / request.experts(), count});
    check_copies(least, bins, request.experts());
    Placement placement{IdVector<LayerId, LayerPlacement>(request.load.rows())};
    for (const LayerId layer : placement.layers.ids())
      placement.layers[layer] = place_layer(request.load.row(layer), bins, least, request.gpus);
    return placement;
  }

 private:
  void check_copies(int least, const Bins& bins, int experts) const {
    const int slots = bins.count * bins.slots;
    if (least * experts > slots)
      throw InputError(copies_spot_,
                       fmt::format("{} copies of each of {} experts do not fit into {} slots",
                                   least, experts, slots),
                       fmt::format("redundant: {} or more", (least - 1) * experts));
    if (least > bins.count)
      throw InputError(copies_spot_, fmt::format("{} copies cannot be on {} {}s that fail apart",
                                                 least, bins.count, nodes_fail_ ? "node" : "GPU"));
  }

  static LayerPlacement place_layer(std::span<const double> load, const Bins& bins, int least,
                                    int gpus) {
    const std::vector<int> copies = copies_of(load, bins, least);
    const std::vector<std::vector<int>> held = OverlapPlacer(copies, bins).run();
    const int bin_gpus = gpus / bins.count;
    IdVector<SlotId, ExpertId> expert_of;
    for (const std::vector<int>& experts : held)
      for (const int expert : balanced(experts, load, copies, bin_gpus))
        expert_of.raw().emplace_back(expert);
    return make_layer_placement(even_first_slots(bins.count * bins.slots, gpus),
                                std::move(expert_of), static_cast<int>(load.size()));
  }

  // The experts of a node in the order of its slots, so that its GPUs have even loads.
  static std::vector<int> balanced(const std::vector<int>& experts, std::span<const double> load,
                                   const std::vector<int>& copies, int gpus) {
    const int each = static_cast<int>(experts.size()) / gpus;
    std::vector<double> share;
    for (const int expert : experts)
      share.push_back(load[static_cast<std::size_t>(expert)] /
                      copies[static_cast<std::size_t>(expert)]);
    const std::vector<int> room(static_cast<std::size_t>(gpus), each);
    const auto packed = pack_balanced<double>(share, room, experts);
    std::vector<int> slots(experts.size());
    for (std::size_t i = 0; i < experts.size(); ++i)
      slots[static_cast<std::size_t>(packed[i].pack * each + packed[i].rank)] = experts[i];
    return slots;
  }

  int redundant_ = 0;
  int least_ = 0;  // 0 = as many as fit, up to 2
  bool nodes_fail_ = false;
  Spot spot_, copies_spot_;
};

const Register<PlacementPolicy, Lazarus> kLazarus{
    {.name = "lazarus",
     .summary = "copies by load, on as few different sets of GPUs as can be, to survive failures",
     .source = "after the paper: Wu et al. 2024; policies.md 3.7",
     .parameters = {{.name = "copies",
                     .type = ParameterType::kInteger,
                     .doc = "that every expert has at least; default: 2 where the slots allow it",
                     .minimum = 1},
                    {.name = "fails",
                     .type = ParameterType::kChoice,
                     .doc = "what fails as one",
                     .fallback = "gpu",
                     .choices = {"gpu", "node"}}}}};

}  // namespace
}  // namespace moesim
