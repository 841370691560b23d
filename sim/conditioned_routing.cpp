#include "sim/conditioned_routing.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

namespace moesim {
namespace {

constexpr float kNever = -std::numeric_limits<float>::infinity();

enum Stream { kNoise = 0, kRedrawn = 1 };

Rng stream_of(const RoutingPlace& place, Stream which, int source) {
  // Below 0: those from 0 on are the jitter of GPUs.
  return place.random.stream(Purpose::kJitter, place.step.value, place.layer.value,
                             -1 - (2 * source + which));
}

template <class T>
std::vector<T> narrowed(const std::vector<T>& rows, std::size_t width, std::size_t kept) {
  std::vector<T> narrow;
  for (std::size_t at = 0; at < rows.size(); ++at)
    if (at % width < kept) narrow.push_back(rows[at]);
  return narrow;
}

// The first `top_k` routes of each token.
void keep_first(Routing& routing, int top_k) {
  if (!routing.has_ids() || routing.top_k <= top_k) return;
  const auto width = static_cast<std::size_t>(routing.top_k);
  routing.ids = narrowed(routing.ids, width, static_cast<std::size_t>(top_k));
  routing.weights = narrowed(routing.weights, width, static_cast<std::size_t>(top_k));
  routing.top_k = top_k;
  routing.counts = count_routes(routing, routing.experts());
}

void add_noise(Routing& routing, double deviation, const RoutingPlace& place) {
  const auto experts = static_cast<std::size_t>(routing.experts());
  for (const GpuId gpu : IdRange<GpuId>(routing.gpus())) {
    Rng rng = stream_of(place, kNoise, gpu.value);
    const auto first = static_cast<std::size_t>(routing.first_token[gpu.index()]) * experts;
    const auto end = static_cast<std::size_t>(routing.first_token[gpu.index() + 1]) * experts;
    for (std::size_t at = first; at < end; ++at)
      routing.logits[at] += static_cast<float>(deviation * rng.normal());
  }
}

// Sends the routes of masked experts elsewhere.
class Redirection {
 public:
  Redirection(Routing& routing, std::span<const Mask> masks, const RoutingPlace& place,
              MaskedRoutes& record)
      : routing_(routing), masks_(masks), place_(place), record_(record) {}

  void run() {
    for (const GpuId gpu : IdRange<GpuId>(routing_.gpus())) {
      Rng rng = stream_of(place_, kRedrawn, gpu.value);
      const std::vector<double> weights = weights_of(gpu);
      if (routing_.has_ids())
        redirect_tokens(gpu, weights, rng);
      else
        redirect_counts(gpu, weights, rng);
    }
    if (routing_.has_ids()) routing_.counts = count_routes(routing_, routing_.experts());
  }

 private:
  // What open experts are drawn by: the routes that a source has to them; all alike without any.
  std::vector<double> weights_of(GpuId gpu) const {
    std::vector<double> weights(masks_.size());
    double sum = 0;
    for (std::size_t e = 0; e < weights.size(); ++e)
      if (masks_[e] == Mask::kOpen) sum += weights[e] = routing_.counts(gpu, ExpertId(e));
    if (sum > 0) return weights;
    for (std::size_t e = 0; e < weights.size(); ++e) weights[e] = masks_[e] == Mask::kOpen ? 1 : 0;
    return weights;
  }

  void redirect_tokens(GpuId gpu, const std::vector<double>& weights, Rng& rng) {
    const auto k = static_cast<std::size_t>(routing_.top_k);
    for (int token = routing_.first_token[gpu.index()];
         token < routing_.first_token[gpu.index() + 1]; ++token) {
      const std::span<std::int16_t> ids(routing_.ids.data() + static_cast<std::size_t>(token) * k,
                                        k);
      for (std::size_t choice = 0; choice < k; ++choice) {
        std::int16_t& id = ids[choice];
        if (id < 0 || masks_[static_cast<std::size_t>(id)] == Mask::kOpen) continue;
        if (masks_[static_cast<std::size_t>(id)] == Mask::kDrop) {
          id = -1;
        } else {
          const std::int16_t other =
              routing_.logits.empty() ? drawn(weights, ids, rng) : next_best(token, ids);
          id = other;
        }
        count(id);
        if (id < 0 && !routing_.weights.empty())
          routing_.weights[static_cast<std::size_t>(token) * k + choice] = 0;
      }
    }
  }

  void count(std::int16_t id) { ++(id < 0 ? record_.lost : record_.redirected); }

  static bool holds(std::span<const std::int16_t> ids, std::size_t expert) {
    return std::find(ids.begin(), ids.end(), static_cast<std::int16_t>(expert)) != ids.end();
  }

  // −1: the token has all that are open.
  std::int16_t next_best(int token, std::span<const std::int16_t> ids) const {
    const float* row = routing_.logits.data() + static_cast<std::size_t>(token) * masks_.size();
    std::size_t best = masks_.size();
    for (std::size_t e = 0; e < masks_.size(); ++e) {
      if (masks_[e] != Mask::kOpen || holds(ids, e)) continue;
      if (best == masks_.size() || row[e] > row[best]) best = e;
    }
    return best == masks_.size() ? std::int16_t{-1} : static_cast<std::int16_t>(best);
  }

  // By `weights`; among experts that nobody asks for, all alike. −1: the token has all that are
  // open.
  std::int16_t drawn(const std::vector<double>& weights, std::span<const std::int16_t> ids,
                     Rng& rng) const {
    double rest = 0;
    int others = 0;
    for (std::size_t e = 0; e < weights.size(); ++e) {
      if (masks_[e] != Mask::kOpen || holds(ids, e)) continue;
      rest += weights[e];
      ++others;
    }
    double place = rng.uniform() * (rest > 0 ? rest : others);
    std::int16_t last = -1;
    for (std::size_t e = 0; e < weights.size(); ++e) {
      const double weight = rest > 0 ? weights[e] : 1;
      if (masks_[e] != Mask::kOpen || holds(ids, e) || weight <= 0) continue;
      last = static_cast<std::int16_t>(e);
      place -= weight;
      if (place < 0) break;
    }
    return last;
  }

  // A token asks for an expert once, so that no count exceeds the tokens.
  void redirect_counts(GpuId gpu, const std::vector<double>& weights, Rng& rng) {
    int homeless = 0;
    for (std::size_t e = 0; e < masks_.size(); ++e) {
      int& routes = routing_.counts(gpu, ExpertId(e));
      if (masks_[e] == Mask::kDrop) record_.lost += routes;
      if (masks_[e] == Mask::kRedraw) homeless += routes;
      if (masks_[e] != Mask::kOpen) routes = 0;
    }
    record_.redirected += homeless;
    double rest = std::accumulate(weights.begin(), weights.end(), 0.0);
    for (std::size_t e = 0; e < weights.size() && homeless > 0; ++e) {
      if (weights[e] <= 0) continue;
      const int drawn = rng.binomial(homeless, std::min(1.0, weights[e] / rest));
      homeless -= add(gpu, e, drawn);
      rest -= weights[e];
    }
    for (std::size_t e = 0; e < weights.size() && homeless > 0; ++e)
      if (masks_[e] == Mask::kOpen) homeless -= add(gpu, e, homeless);
    record_.redirected -= homeless;
    record_.lost += homeless;
  }

  int add(GpuId gpu, std::size_t expert, int routes) {
    int& count = routing_.counts(gpu, ExpertId(expert));
    const int added = std::min(routes, std::max(0, routing_.tokens_of(gpu) - count));
    count += added;
    return added;
  }

  Routing& routing_;
  std::span<const Mask> masks_;  // [experts]
  const RoutingPlace& place_;
  MaskedRoutes& record_;
};

}  // namespace

void apply_before_gate(Routing& routing, const Conditions& conditions, const RoutingPlace& place) {
  if (conditions.top_k) keep_first(routing, *conditions.top_k);
  if (routing.logits.empty()) return;
  if (conditions.temperature != 1)
    for (float& logit : routing.logits) logit /= static_cast<float>(conditions.temperature);
  if (conditions.noise > 0) add_noise(routing, conditions.noise, place);
  const std::span<const Mask> masks = conditions.masks_of(place.layer);
  for (std::size_t at = 0; !masks.empty() && at < routing.logits.size(); ++at)
    if (masks[at % masks.size()] == Mask::kRedraw) routing.logits[at] = kNever;
}

MaskedRoutes apply_after_gate(Routing& routing, const Conditions& conditions,
                              const RoutingPlace& place) {
  MaskedRoutes record;
  const std::span<const Mask> masks = conditions.masks_of(place.layer);
  if (!masks.empty()) Redirection(routing, masks, place, record).run();
  return record;
}

}  // namespace moesim
