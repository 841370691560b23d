// Maximum flow in a network with whole capacities, by Boost.Graph (push-relabel).
#pragma once

#include <cstdint>
#include <vector>

namespace moesim {

struct CapacityNetwork {
  struct Arc {
    int from = 0, to = 0;
    std::int64_t capacity = 0;
  };
  int nodes = 0;
  int source = 0, sink = 0;
  std::vector<Arc> arcs;
};

struct MaxFlow {
  std::int64_t value = 0;
  std::vector<std::int64_t> flow;  // over each arc, [arcs]
  // [nodes]: whether the source still reaches it. The arcs from those it reaches to those it does
  // not are a smallest cut.
  std::vector<bool> reached;
};

// Of all maximum flows always the same one.
MaxFlow max_flow(const CapacityNetwork& network);

}  // namespace moesim
