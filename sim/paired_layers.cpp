#include "sim/training_layers.hpp"

namespace moesim {
namespace {

// One of the two passes.
struct Way {
  Carried::Lane& lane;
  LayerPass at;
};

void append(std::vector<NodeRef>& all, const std::vector<NodeRef>& more) {
  for (const NodeRef& ref : more)
    if (std::find(all.begin(), all.end(), ref) == all.end()) all.push_back(ref);
}

class Pair {
 public:
  Pair(TaskGraph& graph, Carried& carried) : graph_(graph), carried_(carried) {}

  // On the compute stream, in the order of the calls.
  void run(Way way, Part& part) {
    for (PartStep& step : part) {
      std::vector<NodeRef> after = way.lane.after;
      if (carried_.compute) append(after, {*carried_.compute});
      carried_.compute = add(way, std::move(step), after);
      way.lane.after = {*carried_.compute};
    }
  }

  // Beside it; libraries that take SMs have one communication stream.
  void start(Way way, Part& part) {
    std::vector<NodeRef> after = way.lane.after;
    for (PartStep& step : part) {
      const auto* exchange = std::get_if<Exchange>(&step.operation);
      const bool serial = exchange != nullptr && exchange->sms > 0;
      if (serial && carried_.communication) append(after, {*carried_.communication});
      const NodeRef node = add(way, std::move(step), after);
      if (serial) carried_.communication = node;
      after = {node};
    }
    if (!part.empty()) way.lane.started = after;
  }

  static void wait(Way way) {
    append(way.lane.after, way.lane.started);
    way.lane.started.clear();
  }

  // What was of this fragment is now of the one before; what was of the one before has ended.
  void end_fragment() {
    for (Carried::Lane& lane : carried_.lanes)
      for (auto* refs : {&lane.after, &lane.started}) {
        std::erase_if(*refs, [](const NodeRef& ref) { return ref.previous; });
        for (NodeRef& ref : *refs) ref.previous = true;
      }
    for (auto* ref : {&carried_.compute, &carried_.communication}) {
      if (*ref && (*ref)->previous) ref->reset();
      if (*ref) (*ref)->previous = true;
    }
  }

 private:
  NodeRef add(Way way, PartStep step, const std::vector<NodeRef>& after) {
    const NodeRef node = add_step(graph_, std::move(step), after);
    graph_.nodes.back().own = way.at;
    return node;
  }

  TaskGraph& graph_;
  Carried& carried_;
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
