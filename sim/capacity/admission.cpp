#include "sim/capacity/admission.hpp"

#include <algorithm>
#include <numeric>

#include "sim/base/check.hpp"
#include "sim/capacity/slots.hpp"

namespace moesim {
namespace {

// The routes of a queue, as parts of the routing's arrays.
struct Part {
  std::size_t begin = 0;  // in routing.ids
  std::vector<std::int16_t> ids;
  std::vector<float> weights;
};

Part part_of(const Routing& routing, int first_gpu, int last_gpu) {
  const auto place = [&](int gpu) {
    return static_cast<std::size_t>(routing.first_token[static_cast<std::size_t>(gpu)]) *
           static_cast<std::size_t>(routing.top_k);
  };
  Part part{.begin = place(first_gpu)};
  const auto begin = static_cast<std::ptrdiff_t>(part.begin);
  const auto end = static_cast<std::ptrdiff_t>(place(last_gpu));
  part.ids.assign(routing.ids.begin() + begin, routing.ids.begin() + end);
  if (!routing.weights.empty()) {
    part.weights.assign(routing.weights.begin() + begin, routing.weights.begin() + end);
    return part;
  }
  for (std::size_t at = 0; at < part.ids.size(); ++at)
    part.weights.push_back(-static_cast<float>(at % static_cast<std::size_t>(routing.top_k)));
  return part;
}

// Which routes of the part stay, where each of `queues` queues takes `capacity` of them.
std::vector<std::uint8_t> kept_of(const Part& part, const Routing& routing, int queues,
                                  int capacity, DropRule rule, const CapacityRequest& request) {
  if (rule == DropRule::kWeight) return largest_kept(part.ids, part.weights, queues, capacity);
  if (rule == DropRule::kRandom) {
    const std::vector<float> all = route_uniforms(routing, request);
    const std::span<const float> own = std::span(all).subspan(part.begin, part.ids.size());
    return largest_kept(part.ids, own, queues, capacity);
  }
  std::vector<int> order;
  if (rule == DropRule::kPriority) order = by_priority(part.weights, routing.top_k);
  const QueueRule queue{
      .order = rule == DropRule::kTokenOrder ? QueueOrder::kTokens : QueueOrder::kChoices,
      .tokens = order};
  std::vector<std::uint8_t> kept;
  for (const int place : queue_places(part.ids, routing.top_k, queues, queue))
    kept.push_back(place < capacity ? 1 : 0);
  return kept;
}

void take_out(Routing& routing, const Part& part, const std::vector<std::uint8_t>& kept) {
  for (std::size_t at = 0; at < kept.size(); ++at)
    if (kept[at] == 0) routing.ids[part.begin + at] = -1;
  routing.counts = count_routes(routing, routing.experts());
}

// Cuts `counts` (of one expert, by source) to `capacity` in proportion; what does not divide goes
// to the largest fractions, equals to the lower source.
void cut_in_proportion(std::vector<int>& counts, int capacity) {
  const std::int64_t total = std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
  std::vector<std::pair<std::int64_t, std::size_t>> fractions;
  int left = capacity;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const std::int64_t share = static_cast<std::int64_t>(counts[i]) * capacity;
    counts[i] = static_cast<int>(share / total);
    left -= counts[i];
    fractions.emplace_back(-(share % total), i);
  }
  std::sort(fractions.begin(), fractions.end());
  for (int i = 0; i < left; ++i) ++counts[fractions[static_cast<std::size_t>(i)].second];
}

void cut_counts(Routing& routing, const Queue& queue, DropRule rule) {
  MOESIM_CHECK(rule != DropRule::kPriority && rule != DropRule::kRandom,
               "rules that look at tokens get ids");
  for (const ExpertId expert : routing.counts.column_ids()) {
    std::vector<int> counts;
    for (int gpu = queue.first_gpu; gpu < queue.last_gpu; ++gpu)
      counts.push_back(routing.counts(GpuId(gpu), expert));
    if (std::accumulate(counts.begin(), counts.end(), std::int64_t{0}) <= queue.capacity) continue;
    if (rule == DropRule::kWeight) {
      cut_in_proportion(counts, queue.capacity);
    } else {
      int room = queue.capacity;
      for (int& count : counts) room -= count = std::min(count, room);
    }
    for (std::size_t i = 0; i < counts.size(); ++i)
      routing.counts(GpuId(queue.first_gpu + static_cast<int>(i)), expert) = counts[i];
  }
}

}  // namespace

void drop_excess(Routing& routing, const Queue& queue, DropRule rule,
                 const CapacityRequest& request) {
  if (!routing.has_ids()) return cut_counts(routing, queue, rule);
  const Part part = part_of(routing, queue.first_gpu, queue.last_gpu);
  take_out(routing, part, kept_of(part, routing, routing.experts(), queue.capacity, rule, request));
}

void drop_excess(Routing& routing, const GpuBudget& budget, DropRule rule,
                 const CapacityRequest& request) {
  Part part = part_of(routing, 0, routing.gpus());
  // The queues are GPUs. Exempt routes take their part of a budget before the others.
  std::vector<int> taken(static_cast<std::size_t>(routing.gpus()));
  std::vector<std::size_t> turn(budget.gpus_of.size());  // of an expert's copies
  for (std::size_t at = 0; at < part.ids.size(); ++at) {
    std::int16_t& id = part.ids[at];
    if (id < 0) continue;
    const auto expert = static_cast<std::size_t>(id);
    const std::vector<int>& gpus = budget.gpus_of[expert];
    id = static_cast<std::int16_t>(gpus[turn[expert]++ % gpus.size()]);
    const std::size_t token = at / static_cast<std::size_t>(routing.top_k);
    if (budget.exempt.empty() || budget.exempt[token] == 0) continue;
    ++taken[static_cast<std::size_t>(id)];
    id = -1;
  }
  // What is left of the budget differs from GPU to GPU.
  std::vector<std::uint8_t> kept(part.ids.size(), 1);
  for (int gpu = 0; gpu < routing.gpus(); ++gpu) {
    Part own = part;
    for (std::int16_t& id : own.ids) id = id == gpu ? std::int16_t{0} : std::int16_t{-1};
    const int left = std::max(0, budget.routes - taken[static_cast<std::size_t>(gpu)]);
    const auto stays = kept_of(own, routing, 1, left, rule, request);
    for (std::size_t at = 0; at < kept.size(); ++at)
      if (own.ids[at] == 0) kept[at] = stays[at];
  }
  take_out(routing, part, kept);
}

std::vector<float> route_uniforms(const Routing& routing, const CapacityRequest& request) {
  std::vector<float> numbers;
  numbers.reserve(routing.ids.size());
  for (int token = 0; token < routing.tokens(); ++token) {
    Rng rng =
        request.random.stream(Purpose::kCapacity, request.step.value, request.layer.value, token);
    for (int choice = 0; choice < routing.top_k; ++choice)
      numbers.push_back(static_cast<float>(rng.uniform()));
  }
  return numbers;
}

}  // namespace moesim
