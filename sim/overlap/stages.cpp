#include "sim/overlap/stages.hpp"

#include "sim/overlap/streams.hpp"

namespace moesim {
namespace {

class Launcher {
 public:
  Launcher(const Stages& stages, Carried& carried, TaskGraph& graph)
      : stages_(stages), carried_(carried), streams_(graph, carried) {}

  // The next stage of a batch, if its layer has one left.
  void next_stage(Carried::Lane& lane) {
    if (!lane.parts) return;
    for (const StageStep& step : stages_[static_cast<std::size_t>(lane.stage)]) {
      Part* part = step.part != nullptr ? &((*lane.parts).*step.part) : nullptr;
      Carried::Stream& stream = step.beside ? carried_.beside : carried_.main;
      if (step.kind == StageStep::kRun) streams_.run(lane, stream, std::move(*part));
      if (step.kind == StageStep::kStart) streams_.start(lane, stream, std::move(*part));
      if (step.kind == StageStep::kWait) Streams::wait(lane);
    }
    if (++lane.stage < static_cast<int>(stages_.size())) return;
    Streams::wait(lane);
    lane.parts.reset();
  }

  void all_stages(Carried::Lane& lane) {
    while (lane.parts) next_stage(lane);
  }

  void end_fragment() { streams_.end_fragment(); }

 private:
  const Stages& stages_;
  Carried& carried_;
  Streams streams_;
};

// All batches become one that waits for all of them.
void join(Carried& carried) {
  Carried::Lane joined;
  for (const Carried::Lane& lane : carried.lanes) append_new(joined.after, lane.after);
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
