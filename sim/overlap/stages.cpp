#include "sim/overlap/stages.hpp"

#include <algorithm>

namespace moesim {
namespace {

void append(std::vector<NodeRef>& all, const std::vector<NodeRef>& more) {
  all.insert(all.end(), more.begin(), more.end());
}

// What was of this fragment is now of the one before; what was of the one before has ended, because
// each batch's next part comes after it.
void age(std::vector<NodeRef>& refs) {
  std::erase_if(refs, [](const NodeRef& ref) { return ref.previous; });
  for (NodeRef& ref : refs) ref.previous = true;
}

void age(std::optional<NodeRef>& ref) {
  if (ref && ref->previous) ref.reset();
  if (ref) ref->previous = true;
}

class Launcher {
 public:
  Launcher(const Stages& stages, Carried& carried, TaskGraph& graph)
      : stages_(stages), carried_(carried), graph_(graph) {}

  // The next stage of a batch, if its layer has one left.
  void next_stage(Carried::Lane& lane) {
    if (!lane.parts) return;
    for (const StageStep& step : stages_[static_cast<std::size_t>(lane.stage)]) {
      Part* part = step.part != nullptr ? &((*lane.parts).*step.part) : nullptr;
      if (step.kind == StageStep::kRun) run(lane, std::move(*part));
      if (step.kind == StageStep::kStart) start(lane, std::move(*part));
      if (step.kind == StageStep::kWait) wait(lane);
    }
    if (++lane.stage < static_cast<int>(stages_.size())) return;
    wait(lane);
    lane.parts.reset();
  }

  void all_stages(Carried::Lane& lane) {
    while (lane.parts) next_stage(lane);
  }

  void end_fragment() {
    for (Carried::Lane& lane : carried_.lanes) {
      age(lane.after);
      age(lane.started);
    }
    age(carried_.compute);
    age(carried_.communication);
  }

 private:
  void run(Carried::Lane& lane, Part part) {
    for (PartStep& step : part) {
      std::vector<NodeRef> after = lane.after;
      if (carried_.compute) after.push_back(*carried_.compute);
      const NodeRef node = add_step(graph_, std::move(step), unique(std::move(after)));
      carried_.compute = node;
      lane.after = {node};
    }
  }

  void start(Carried::Lane& lane, Part part) {
    std::vector<NodeRef> after = lane.after;
    bool added = false;
    for (PartStep& step : part) {
      const auto* exchange = std::get_if<Exchange>(&step.operation);
      const bool serial = exchange != nullptr && exchange->sms > 0;
      if (serial && carried_.communication) after.push_back(*carried_.communication);
      const NodeRef node = add_step(graph_, std::move(step), unique(std::move(after)));
      if (serial) carried_.communication = node;
      after = {node};
      added = true;
    }
    if (added) append(lane.started, after);
  }

  static void wait(Carried::Lane& lane) {
    append(lane.after, lane.started);
    lane.started.clear();
  }

  static std::vector<NodeRef> unique(std::vector<NodeRef> refs) {
    std::vector<NodeRef> kept;
    for (const NodeRef& ref : refs)
      if (std::find(kept.begin(), kept.end(), ref) == kept.end()) kept.push_back(ref);
    return kept;
  }

  const Stages& stages_;
  Carried& carried_;
  TaskGraph& graph_;
};

// All batches become one that waits for all of them.
void join(Carried& carried) {
  Carried::Lane joined;
  for (const Carried::Lane& lane : carried.lanes) append(joined.after, lane.after);
  carried.lanes = {std::move(joined)};
}

// One batch becomes several that each wait for it.
void divide(Carried& carried, std::size_t batches) {
  if (carried.lanes.empty()) carried.lanes.emplace_back();
  carried.lanes.resize(batches, carried.lanes.front());
}

}  // namespace

TaskGraph build_stages(const Stages& stages, int lag, std::vector<LayerParts> batches,
                       Carried& carried) {
  TaskGraph graph{.step = batches.front().step, .layer = batches.front().layer};
  Launcher launcher(stages, carried, graph);
  if (carried.lanes.size() != batches.size()) {
    for (Carried::Lane& lane : carried.lanes) launcher.all_stages(lane);
    if (batches.size() == 1) join(carried);
    if (batches.size() > 1) divide(carried, batches.size());
  }
  const auto begin = [&](std::size_t batch) {
    carried.lanes[batch].parts = std::move(batches[batch]);
    carried.lanes[batch].stage = 0;
  };
  const int steps = static_cast<int>(stages.size());
  for (int at = 0; at < steps; ++at) {
    for (std::size_t batch = 0; batch < batches.size(); ++batch) {
      if (at == lag * static_cast<int>(batch)) {
        launcher.all_stages(carried.lanes[batch]);
        begin(batch);
      }
      launcher.next_stage(carried.lanes[batch]);
    }
  }
  launcher.end_fragment();
  return graph;
}

TaskGraph finish_stages(const Stages& stages, Carried& carried) {
  TaskGraph graph;
  Launcher launcher(stages, carried, graph);
  for (Carried::Lane& lane : carried.lanes) launcher.all_stages(lane);
  carried = {};
  return graph;
}

}  // namespace moesim
