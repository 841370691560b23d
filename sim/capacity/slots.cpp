#include "sim/capacity/slots.hpp"

#include <algorithm>
#include <numeric>

namespace moesim {

std::vector<int> queue_places(std::span<const std::int16_t> ids, int top_k, int experts,
                              const QueueRule& rule) {
  const auto width = static_cast<std::size_t>(top_k);
  const std::size_t tokens = ids.size() / width;
  std::vector<int> places(ids.size(), -1);
  std::vector<int> queue(static_cast<std::size_t>(experts));
  const bool by_choice = rule.order == QueueOrder::kChoices;
  const std::size_t rounds = by_choice ? width : 1, choices = by_choice ? 1 : width;
  for (std::size_t round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < tokens; ++i) {
      const std::size_t token = rule.tokens.empty() ? i : static_cast<std::size_t>(rule.tokens[i]);
      for (std::size_t choice = 0; choice < choices; ++choice) {
        const std::size_t at = token * width + round + choice;
        if (ids[at] >= 0) places[at] = queue[static_cast<std::size_t>(ids[at])]++;
      }
    }
    for (int& length : queue) length = std::min(length, rule.behind);
  }
  return places;
}

std::vector<int> by_priority(std::span<const float> weights, int top_k) {
  const auto width = static_cast<std::size_t>(top_k);
  std::vector<int> tokens(weights.size() / width);
  std::vector<float> largest(tokens.size());
  for (std::size_t token = 0; token < tokens.size(); ++token) {
    const auto row = weights.subspan(token * width, width);
    largest[token] = *std::max_element(row.begin(), row.end());
  }
  std::iota(tokens.begin(), tokens.end(), 0);
  std::stable_sort(tokens.begin(), tokens.end(), [&](int a, int b) {
    return largest[static_cast<std::size_t>(a)] > largest[static_cast<std::size_t>(b)];
  });
  return tokens;
}

std::vector<std::uint8_t> largest_kept(std::span<const std::int16_t> ids,
                                       std::span<const float> keys, int experts, int capacity) {
  std::vector<std::vector<std::size_t>> routes(static_cast<std::size_t>(experts));
  for (std::size_t at = 0; at < ids.size(); ++at)
    if (ids[at] >= 0) routes[static_cast<std::size_t>(ids[at])].push_back(at);
  std::vector<std::uint8_t> kept(ids.size(), 0);
  for (auto& candidates : routes) {
    const auto count = std::min(static_cast<std::ptrdiff_t>(capacity), std::ssize(candidates));
    if (count < std::ssize(candidates))
      std::nth_element(candidates.begin(), candidates.begin() + count, candidates.end(),
                       [&](std::size_t a, std::size_t b) {
                         return keys[a] != keys[b] ? keys[a] > keys[b] : a < b;
                       });
    for (std::ptrdiff_t i = 0; i < count; ++i) kept[candidates[static_cast<std::size_t>(i)]] = 1;
  }
  return kept;
}

}  // namespace moesim
