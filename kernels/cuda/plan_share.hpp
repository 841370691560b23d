// How the blocks and warps of the permutation's plan share the routes: consecutive shares in order,
// so that the order of rows is the order of routes.
#pragma once

#include "kernels/permute_arguments.hpp"

namespace moesim::kernels {

inline constexpr int kPlanThreads = 256;
inline constexpr int kPlanWarps = kPlanThreads / 32;
inline constexpr int kPlanMostBlocks = 512;  // each costs a step of a sum

// Routes begin .. end - 1; empty where end <= begin.
struct Share {
  int begin = 0, end = 0;
};

// Routes of a block: a multiple of its threads, so that warps have equal shares.
MOESIM_HOST_DEVICE inline int routes_of_block(const PermuteShape& shape) {
  const int routes = shape.tokens * shape.top_k, least = 4 * kPlanThreads;
  return round_up(routes > least * kPlanMostBlocks ? ceil_div(routes, kPlanMostBlocks) : least,
                  kPlanThreads);
}

// At least 1: the plan of no routes has its counts too.
MOESIM_HOST_DEVICE inline int plan_blocks(const PermuteShape& shape) {
  const int routes = shape.tokens * shape.top_k;
  return routes == 0 ? 1 : ceil_div(routes, routes_of_block(shape));
}

MOESIM_HOST_DEVICE inline Share share_of(const PermuteShape& shape, int begin, int length) {
  const int routes = shape.tokens * shape.top_k;
  return Share{.begin = begin, .end = begin + length < routes ? begin + length : routes};
}

MOESIM_HOST_DEVICE inline Share share_of_block(const PermuteShape& shape, int block) {
  return share_of(shape, block * routes_of_block(shape), routes_of_block(shape));
}

MOESIM_HOST_DEVICE inline Share share_of_warp(const PermuteShape& shape, int block, int warp) {
  const int length = routes_of_block(shape) / kPlanWarps;
  return share_of(shape, block * routes_of_block(shape) + warp * length, length);
}

}  // namespace moesim::kernels
