// What opening a leg and sending off flows have in common.
#pragma once

#include <algorithm>
#include <vector>

#include "sim/model/cluster.hpp"

namespace moesim {

// Of the links of a route.
inline BytesPerSecond narrowest(const Cluster& cluster, const Route& route) {
  BytesPerSecond rate(kForever.value);
  for (int hop = 0; hop < route.count; ++hop)
    rate = std::min(rate, cluster.link(route.links[static_cast<std::size_t>(hop)]).bandwidth);
  return rate;
}

// The first free element, or a new one.
template <class T, class Free>
std::size_t free_slot(std::vector<T>& slots, Free free) {
  const auto found = std::find_if(slots.begin(), slots.end(), free);
  if (found != slots.end()) return static_cast<std::size_t>(found - slots.begin());
  slots.emplace_back();
  return slots.size() - 1;
}

}  // namespace moesim
