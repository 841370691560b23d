// Random numbers of routes, and random splits of counts.
//
// Draws are numbered by (step, layer, source, token, choice) whether or not an expert has copies,
// so two placements see the same draws.
#pragma once

#include <functional>
#include <span>

#include "sim/replica/replica.hpp"

namespace moesim {

// Draws of one source, one of 32 bits or two of 16 for a number. Asked for in ascending order.
class NumberedDraws {
 public:
  explicit NumberedDraws(Rng rng) : rng_(rng) {}
  std::uint32_t whole(std::int64_t number) {
    for (; at_ < number; ++at_) bits_ = rng_.next();
    return bits_;
  }
  std::uint32_t half(std::int64_t number) {
    const std::uint32_t bits = whole(number / 2);
    return number % 2 == 0 ? bits & 0xffffU : bits >> 16U;
  }

 private:
  Rng rng_;
  std::int64_t at_ = -1;
  std::uint32_t bits_ = 0;
};

// Of every source, [gpus].
IdVector<GpuId, NumberedDraws> draws_of_sources(const ReplicaRequest& request);

// Gives the shares in which the copies of an expert serve the routes of a source, any scale:
// `shares` [copies].
using CopyShares = std::function<void(GpuId source, ExpertId expert, std::span<double> shares)>;

// For routings with counts only: the routes of each (source, expert) are split as if every one drew
// its copy by the shares.
Assignment split_counts_at_random(const ReplicaRequest& request, const CopyShares& shares);

}  // namespace moesim
