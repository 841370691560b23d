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
    std::vector<int> later;           // successors in the fragment after this
    IdVector<GpuId, int> waiting;     // predecessors that have not ended, [gpus]
    IdVector<GpuId, char> ended;      // [gpus]
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
  IdVector<GpuId, int> exits_left;  // of it and, as one, of the fragments before; [gpus]
  int gpus_left = 0;                // that have not passed all exits
  FragmentRun* next = nullptr;      // of the producer, once it is there

  // Takes the graph in, behind a fragment that is still alive, if any. Exchanges are set by the
  // caller.
  void begin(TaskGraph taken, int gpus, FragmentRun* before);
  std::vector<int> entries() const;
  // Nodes that wait for nothing but the fragment before, and it has ended what they wait for.
  std::vector<std::pair<int, GpuId>> ready_at_once() const;

 private:
  void follow(FragmentRun& before, int gpus);
  static void close(const Hold& hold, Node& state, int gpus);
};

}  // namespace moesim
