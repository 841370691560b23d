#include "sim/overlap/streams.hpp"
#include "sim/training_layers.hpp"

namespace moesim {
namespace {

// One of the two passes.
struct Way {
  Carried::Lane& lane;
  LayerPass at;
};

class Pair {
 public:
  Pair(TaskGraph& graph, Carried& carried) : streams_(graph, carried), main_(carried.main) {}

  void run(Way way, Part& part) { streams_.run(way.lane, main_, std::move(part), way.at); }
  void start(Way way, Part& part) { streams_.start(way.lane, main_, std::move(part), way.at); }
  static void wait(Way way) { Streams::wait(way.lane); }
  void end_fragment() { streams_.end_fragment(); }

 private:
  Streams streams_;
  Carried::Stream& main_;
};

}  // namespace

TaskGraph paired_graph(LayerParts forward, BackwardParts backward, LayerPass forward_at,
                       LayerPass backward_at, Carried& carried) {
  TaskGraph graph;
  carried.lanes.resize(2);
  Pair pair(graph, carried);
  const Way forth{carried.lanes[0], forward_at}, back{carried.lanes[1], backward_at};
  pair.start(back, backward.input.dispatch);
  Pair::wait(forth);  // for the combine of the layer before
  for (Part* part : {&forward.prepare, &forward.attention, &forward.dense, &forward.gate})
    pair.run(forth, *part);
  pair.start(forth, forward.dispatch);
  Pair::wait(back);
  pair.run(back, backward.input.experts);
  pair.start(back, backward.input.combine);
  for (Part* part : {&backward.weight.experts, &backward.input.shared, &backward.weight.shared})
    pair.run(back, *part);
  pair.run(forth, forward.shared);
  Pair::wait(forth);
  pair.run(forth, forward.experts);
  pair.start(forth, forward.combine);
  Pair::wait(back);
  for (Part* part : {&backward.input.gate, &backward.input.dense, &backward.input.prepare,
                     &backward.input.attention})
    pair.run(back, *part);
  const std::vector<NodeRef> gradients = back.lane.after;
  for (Part* part : {&backward.weight.gate, &backward.weight.dense, &backward.weight.prepare,
                     &backward.weight.attention})
    pair.run(back, *part);
  back.lane.after = gradients;  // the layer below does not wait for this one's weights
  pair.end_fragment();
  return graph;
}

}  // namespace moesim
