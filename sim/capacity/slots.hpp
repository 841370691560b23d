// Places in the experts' buffers: who queues before whom (policies.md 2.2, 2.3).
//
// Routes are ids [tokens × top_k], −1 = none. All rules are exact copies of a system's; where one
// leaves ties open, the lower token comes first.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace moesim {

enum class QueueOrder {
  kTokens,   // token by token, all choices of a token together (Megatron, DeepSpeed's top-k)
  kChoices,  // all first choices, then all second ones, … (GShard, Tutel, Flaxformer)
};

struct QueueRule {
  QueueOrder order = QueueOrder::kTokens;
  std::span<const int> tokens = {};  // in the order in which they queue; empty = as they come
  // By choices: a later round starts behind at most so many routes of an expert. mesh-tensorflow
  // takes the capacity here, behind the routes that were kept; the others queue behind all.
  int behind = std::numeric_limits<int>::max();
};

// The place of each route in its expert's queue, from 0; −1 where there is no route. A route fits
// if its place is below the capacity. [tokens × top_k]
std::vector<int> queue_places(std::span<const std::int16_t> ids, int top_k, int experts,
                              const QueueRule& rule);

// Tokens by falling largest weight: Batch Prioritized Routing (Riquelme et al. 2021).
std::vector<int> by_priority(std::span<const float> weights, int top_k);

// Which routes stay where each expert keeps the `capacity` ones with the largest keys; equal ones
// by token. `keys` [tokens × top_k]. [tokens × top_k], 1 = stays.
std::vector<std::uint8_t> largest_kept(std::span<const std::int16_t> ids,
                                       std::span<const float> keys, int experts, int capacity);

}  // namespace moesim
