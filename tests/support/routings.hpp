// Routings for tests.
#pragma once

#include <vector>

#include "sim/model/routing.hpp"

namespace moesim {

// `ids[gpu][token][choice]`; −1 = none. Counts are worked out here.
inline Routing routing_of(const std::vector<std::vector<std::vector<int>>>& ids, int experts) {
  Routing routing{.first_token = {0},
                  .counts = ExpertCounts(static_cast<int>(ids.size()), experts)};
  for (const GpuId gpu : routing.counts.row_ids()) {
    for (const auto& token : ids[gpu.index()]) {
      routing.top_k = static_cast<int>(token.size());
      for (const int id : token) {
        routing.ids.push_back(static_cast<std::int16_t>(id));
        if (id >= 0) ++routing.counts(gpu, ExpertId(id));
      }
    }
    routing.first_token.push_back(routing.first_token.back() +
                                  static_cast<int>(ids[gpu.index()].size()));
  }
  return routing;
}

// The same routing with its counts only.
inline Routing counts_only(Routing routing) {
  routing.ids.clear();
  routing.weights.clear();
  routing.logits.clear();
  return routing;
}

}  // namespace moesim
