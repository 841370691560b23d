// Which data-parallel rank of a pool serves a request.
//
// A router sees the ranks that are alive (and, where a request's KV cache is about to be sent
// there, have room for it) as they are when the request is routed.
#pragma once

#include <cstdint>
#include <span>

#include "sim/base/registry.hpp"
#include "sim/model/request.hpp"

namespace moesim {

struct RankLoad {
  int rank = 0;
  int waiting = 0, running = 0;     // requests in its queue; admitted ones
  std::int64_t waiting_tokens = 0;  // new tokens of prompts that are not computed yet
  // Pairs of a new token and a token that it attends to, of those prompts, twice: core attention.
  std::int64_t waiting_pairs = 0;
  std::int64_t kv_tokens = 0;  // that the requests on it hold room for
  int cached = 0;              // tokens of the request that its prefix cache has; if asked for
};

struct RoutedRequest {
  const Request& request;
  int tokens = 0;     // to be computed or held: its prompt, and what it was answered before
  int previous = -1;  // rank to which the pool's request before this one went; −1: none
};

class Router {
 public:
  static constexpr const char* kRole = "router";
  virtual ~Router() = default;
  // A place in `ranks`, which has at least one.
  virtual std::size_t choose(const RoutedRequest& routed,
                             std::span<const RankLoad> ranks) const = 0;
  virtual bool asks_cached() const { return false; }
};

// The first of the ranks for which the cost is smallest.
template <class Cost>
std::size_t cheapest(std::span<const RankLoad> ranks, const Cost& cost) {
  std::size_t best = 0;
  for (std::size_t i = 1; i < ranks.size(); ++i)
    if (cost(ranks[i]) < cost(ranks[best])) best = i;
  return best;
}

}  // namespace moesim
