// A fragment of a producer under way: what each (node, gpu) still waits for.
#pragma once

#include <memory>
#include <vector>

#include "sim/engine/exchange_run.hpp"

namespace moesim {

struct ProducerRun;

enum class HoldState { kOpen, kClosed, kHolds };

struct FragmentRun {
  struct Node {
    std::vector<int> successors;
    IdVector<GpuId, int> waiting;     // predecessors that have not ended, [gpus]
    ExchangeRun* exchange = nullptr;  // of an exchange
    bool target_ready = false;        // of a transfer
    bool arrived = false;             // of a transfer
    Seconds begin;                    // of a transfer
    // Of a hold, [gpus]: whether a GPU may pass, and since when it has stood there.
    IdVector<GpuId, HoldState> holds;
    IdVector<GpuId, Seconds> held_since;
  };

  ProducerRun* producer = nullptr;
  int number = 0;  // of the producer's fragments
  TaskGraph graph;
  std::vector<Node> nodes;          // at least as many as the graph has
  IdVector<GpuId, int> exits_left;  // [gpus]
  int exits = 0;                    // nodes without successors
  int gpus_left = 0;                // that have not passed all exits

  // Takes the graph in. Exchanges are set by the caller.
  void begin(TaskGraph taken, int gpus);
  std::vector<int> entries() const;

 private:
  static void close(const Hold& hold, Node& state, int gpus);
};

}  // namespace moesim
