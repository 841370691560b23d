// What the fluid solver keeps of each link, apart by how often it is touched.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "sim/engine/flow_table.hpp"

namespace moesim {

// What a fill touches for each flow.
struct LinkState {
  // Bytes/s not given yet in this fill. Of a port of a grid, which has the port's own: what flows
  // that are not on the grid take, below 0.
  double spare = 0;
  int unfrozen = 0;          // copies without a rate in this fill, but for those on the grid
  std::uint32_t frozen = 0;  // the last fill in which the link was full and froze its flows
  int grid = -1, port = -1;  // that it is, if any
};

struct LinkInfo {
  double capacity = 0;  // bytes/s
  // Bytes; a grid has those of its ports.
  double credit = 0;  // below 0 = debt
  double idle = 0;    // that it had to spare while new flows waited
  // But for flows on the grid:
  int active = 0;     // admitted copies
  int queuing = 0;    // admitted parts that it is the queue of
  bool used = false;  // whether fills go over it
};

// The flows of a link, and some that have ended; others are those with more links or parts. Those
// on a grid are on no list.
struct LinkFlows {
  // A flow of two links.
  struct Pair {
    FlowId flow = 0;
    int other = 0;
  };
  // A flow of three or four links. Of three, the third other one is that link itself, which does no
  // harm.
  struct Quad {
    FlowId flow = 0;
    std::array<int, 3> others{};
  };
  struct QueuedPart {
    FlowId flow = 0;
    std::size_t part = 0;
  };
  std::vector<Pair> pairs;
  std::vector<Quad> quads;
  std::vector<FlowId> others;
  std::vector<QueuedPart> queue;
};

}  // namespace moesim
