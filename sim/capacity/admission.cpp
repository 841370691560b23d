#include "sim/capacity/admission.hpp"

#include <algorithm>
#include <numeric>

namespace moesim {
namespace {

// A route by its place in Routing::ids.
struct Candidate {
  std::size_t at = 0;
  double weight = 0;
};

GpuId source_of(const Routing& routing, std::size_t at) {
  const int token = static_cast<int>(at) / routing.top_k;
  const auto after =
      std::upper_bound(routing.first_token.begin(), routing.first_token.end(), token);
  return GpuId(static_cast<int>(after - routing.first_token.begin()) - 1);
}

void drop(Routing& routing, GpuId source, std::size_t at) {
  --routing.counts(source, ExpertId(static_cast<int>(routing.ids[at])));
  routing.ids[at] = -1;
}

// The rounds of a queue: all choices of each token in one, or one for each choice.
void drop_by_order(Routing& routing, const Queue& queue, bool choice_by_choice) {
  std::vector<int> taken(static_cast<std::size_t>(routing.experts()));
  const int rounds = choice_by_choice ? routing.top_k : 1;
  const int choices = choice_by_choice ? 1 : routing.top_k;
  for (int round = 0; round < rounds; ++round) {
    for (int gpu = queue.first_gpu; gpu < queue.last_gpu; ++gpu) {
      for (int token = routing.first_token[static_cast<std::size_t>(gpu)];
           token < routing.first_token[static_cast<std::size_t>(gpu) + 1]; ++token) {
        for (int i = 0; i < choices; ++i) {
          const auto at = static_cast<std::size_t>(token * routing.top_k + round + i);
          if (routing.ids[at] < 0) continue;
          int& count = taken[static_cast<std::size_t>(routing.ids[at])];
          if (count == queue.capacity) {
            drop(routing, GpuId(gpu), at);
          } else {
            ++count;
          }
        }
      }
    }
  }
}

std::vector<std::vector<Candidate>> candidates_by_expert(const Routing& routing,
                                                         const Queue& queue) {
  std::vector<std::vector<Candidate>> candidates(static_cast<std::size_t>(routing.experts()));
  const auto top_k = static_cast<std::size_t>(routing.top_k);
  const auto first =
      static_cast<std::size_t>(routing.first_token[static_cast<std::size_t>(queue.first_gpu)]);
  const auto last =
      static_cast<std::size_t>(routing.first_token[static_cast<std::size_t>(queue.last_gpu)]);
  for (std::size_t at = first * top_k; at < last * top_k; ++at) {
    if (routing.ids[at] < 0) continue;
    const double weight =
        routing.weights.empty() ? -static_cast<double>(at % top_k) : routing.weights[at];
    candidates[static_cast<std::size_t>(routing.ids[at])].push_back({.at = at, .weight = weight});
  }
  return candidates;
}

void drop_by_weight(Routing& routing, const Queue& queue) {
  for (auto& candidates : candidates_by_expert(routing, queue)) {
    if (static_cast<int>(candidates.size()) <= queue.capacity) continue;
    const auto kept = candidates.begin() + queue.capacity;
    std::nth_element(candidates.begin(), kept, candidates.end(),
                     [](const Candidate& a, const Candidate& b) {
                       return a.weight != b.weight ? a.weight > b.weight : a.at < b.at;
                     });
    for (auto it = kept; it != candidates.end(); ++it)
      drop(routing, source_of(routing, it->at), it->at);
  }
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

void drop_excess(Routing& routing, const Queue& queue, DropRule rule) {
  if (!routing.has_ids()) return cut_counts(routing, queue, rule);
  if (rule == DropRule::kWeight) return drop_by_weight(routing, queue);
  drop_by_order(routing, queue, rule == DropRule::kChoiceOrder);
}

}  // namespace moesim
