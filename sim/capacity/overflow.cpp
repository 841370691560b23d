#include "sim/capacity/overflow.hpp"

#include <algorithm>
#include <numeric>

#include "sim/base/check.hpp"

namespace moesim {
namespace {

bool uses(std::span<const std::int16_t> ids, int expert) {
  return std::find(ids.begin(), ids.end(), static_cast<std::int16_t>(expert)) != ids.end();
}

// The places that a queue has left in each expert, and who takes them.
class Rooms {
 public:
  Rooms(const Routing& routing, const Queue& queue)
      : left_(static_cast<std::size_t>(routing.experts()), queue.capacity) {
    for (int gpu = queue.first_gpu; gpu < queue.last_gpu; ++gpu)
      for (const ExpertId expert : routing.counts.column_ids())
        left_[expert.index()] -= routing.counts(GpuId(gpu), expert);
  }

  // −1 = none has room.
  int widest(std::span<const std::int16_t> used, const std::vector<std::uint8_t>& allowed) const {
    int best = -1;
    for (int expert = 0; expert < static_cast<int>(left_.size()); ++expert) {
      const auto index = static_cast<std::size_t>(expert);
      if (left_[index] <= 0 || uses(used, expert)) continue;
      if (!allowed.empty() && allowed[index] == 0) continue;
      if (best < 0 || left_[index] > left_[static_cast<std::size_t>(best)]) best = expert;
    }
    return best;
  }

  int next_best(std::span<const float> logits, std::span<const std::int16_t> used,
                int tries) const {
    std::vector<int> order(left_.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
      return logits[static_cast<std::size_t>(a)] > logits[static_cast<std::size_t>(b)];
    });
    for (const int expert : order) {
      if (uses(used, expert)) continue;
      if (left_[static_cast<std::size_t>(expert)] > 0) return expert;
      if (--tries == 0) break;
    }
    return -1;
  }

  void take(int expert) { --left_[static_cast<std::size_t>(expert)]; }

 private:
  std::vector<int> left_;  // [experts]
};

std::vector<std::uint8_t> experts_on(const LayerPlacement& placement, GpuId gpu) {
  std::vector<std::uint8_t> here(static_cast<std::size_t>(placement.experts()), 0);
  for (int slot = placement.first_slot[gpu.index()]; slot < placement.first_slot[gpu.index() + 1];
       ++slot)
    here[placement.expert_of[SlotId(slot)].index()] = 1;
  return here;
}

}  // namespace

std::int64_t reroute(Routing& routing, std::span<const std::int16_t> asked, const Queue& queue,
                     const OverflowRule& rule, const CapacityRequest& request) {
  if (rule.overflow == Overflow::kDrop) return 0;
  const bool by_logit = rule.overflow == Overflow::kNextBest;
  MOESIM_CHECK(!by_logit || !routing.logits.empty(), "who asks for the next best has logits");
  Rooms rooms(routing, queue);
  std::int64_t rerouted = 0;
  const auto k = static_cast<std::size_t>(routing.top_k);
  const auto experts = static_cast<std::size_t>(routing.experts());
  for (int gpu = queue.first_gpu; gpu < queue.last_gpu; ++gpu) {
    std::vector<std::uint8_t> allowed;
    if (rule.overflow == Overflow::kLocal) allowed = experts_on(*request.placement, GpuId(gpu));
    for (int token = routing.first_token[static_cast<std::size_t>(gpu)];
         token < routing.first_token[static_cast<std::size_t>(gpu) + 1]; ++token) {
      const auto row = static_cast<std::size_t>(token);
      // What it has, and what it asked for in vain.
      std::vector<std::int16_t> used(asked.begin() + static_cast<std::ptrdiff_t>(row * k),
                                     asked.begin() + static_cast<std::ptrdiff_t>((row + 1) * k));
      for (std::size_t choice = 0; choice < k; ++choice) {
        const std::size_t at = row * k + choice;
        if (asked[at] < 0 || routing.ids[at] >= 0) continue;
        const int expert =
            by_logit ? rooms.next_best(
                           std::span<const float>(routing.logits).subspan(row * experts, experts),
                           used, rule.tries)
                     : rooms.widest(used, allowed);
        if (expert < 0) continue;
        rooms.take(expert);
        used.push_back(static_cast<std::int16_t>(expert));
        routing.ids[at] = static_cast<std::int16_t>(expert);
        ++routing.counts(GpuId(gpu), ExpertId(expert));
        ++rerouted;
      }
    }
  }
  return rerouted;
}

void ask_at_random(Routing& routing, double threshold, const CapacityRequest& request) {
  const std::vector<float> uniforms = route_uniforms(routing, request);
  const auto k = static_cast<std::size_t>(routing.top_k);
  for (std::size_t row = 0; row < static_cast<std::size_t>(routing.tokens()); ++row) {
    float sum = 0;
    for (std::size_t at = row * k; at < (row + 1) * k; ++at)
      if (routing.ids[at] >= 0) sum += routing.weights[at];
    for (std::size_t at = row * k + 1; at < (row + 1) * k; ++at)
      if (routing.ids[at] >= 0 &&
          uniforms[at] >= routing.weights[at] / sum / std::max(threshold, 1e-9))
        routing.ids[at] = -1;
  }
  routing.counts = count_routes(routing, routing.experts());
}

void renormalize(Routing& routing) {
  if (routing.weights.empty()) return;
  const auto k = static_cast<std::size_t>(routing.top_k);
  for (std::size_t row = 0; row < static_cast<std::size_t>(routing.tokens()); ++row) {
    float sum = 0;
    for (std::size_t at = row * k; at < (row + 1) * k; ++at)
      if (routing.ids[at] >= 0) sum += routing.weights[at];
    if (sum <= 0) continue;
    for (std::size_t at = row * k; at < (row + 1) * k; ++at) routing.weights[at] /= sum;
  }
}

}  // namespace moesim
