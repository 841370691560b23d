// Kernels in the order of their launch on a compute stream, and exchanges beside it: what policies
// with several batches build their graphs from.
//
// A batch's next kernel waits for its last one, and for the last one of the stream. Exchanges of a
// library that takes SMs run one after the other, as on its one communication stream; others are in
// the network together.
#pragma once

#include "sim/overlap/overlap.hpp"

namespace moesim {

class Streams {
 public:
  Streams(TaskGraph& graph, Carried& carried) : graph_(graph), carried_(carried) {}

  // Behind what the batch has come to. `own`: the pass that the nodes are of.
  void run(Carried::Lane& lane, Carried::Stream& stream, Part part,
           std::optional<LayerPass> own = {});
  // Beside the stream; the batch goes on before it has ended.
  void start(Carried::Lane& lane, Carried::Stream& stream, Part part,
             std::optional<LayerPass> own = {});
  // The batch goes on when all that it has started has ended.
  static void wait(Carried::Lane& lane);

  // The nodes so far are of the fragment before the next.
  void end_fragment();

 private:
  NodeRef add(PartStep step, const std::vector<NodeRef>& after, std::optional<LayerPass> own);

  TaskGraph& graph_;
  Carried& carried_;
};

// Adds those that are not there yet.
void append_new(std::vector<NodeRef>& all, const std::vector<NodeRef>& more);

}  // namespace moesim
