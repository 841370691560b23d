#include "sim/pipeline_stages.hpp"

namespace moesim {

PipelineStages::PipelineStages(const Scenario& scenario, const Stretch& passes, Engine& engine,
                               RunRecorder& recorder, const RunListener& listener)
    : scenario_(scenario),
      passes_(passes),
      engine_(engine),
      recorder_(recorder),
      listener_(listener),
      placement_(std::make_shared<const Placement>(passes.placement)),
      told_(scenario.workload.warmup_steps + scenario.workload.steps),
      steps_(told_ + (scenario.workload.phase != WorkloadPhase::kTraining)) {}

std::unique_ptr<Lane> PipelineStages::make_lane(const std::vector<int>& stages,
                                                std::function<std::vector<Piece>()> more) {
  const int gpus = scenario_.grid->stage_gpus();
  std::vector<GpuId> own;
  for (const int stage : stages)
    for (int gpu = 0; gpu < gpus; ++gpu) own.push_back(GpuId(stage * gpus + gpu));
  auto lane =
      std::make_unique<Lane>(std::move(own), engine_, std::move(more), [this](const Span& span) {
        recorder_.span(span);
        if (listener_.span) listener_.span(span);
      });
  engine_.add(*lane);
  return lane;
}

void PipelineStages::add_lane(std::function<std::vector<Piece>()> more) {
  lanes_.push_back(make_lane({static_cast<int>(lanes_.size())}, std::move(more)));
}

Piece PipelineStages::transfer(int from, int to, Signal signal, Bytes size) {
  const std::vector<GpuId>& sources = lane(from).own();
  Lane& target = lane(to);
  TaskGraph graph{.step = signal.step};
  for (std::size_t i = 0; i < sources.size(); ++i)
    graph.add(Transfer{
        .source = sources[i], .target = target.own()[i], .size = size, .phase = Phase::kPipeline});
  return {.build = [graph = std::move(graph)] { return graph; },
          .passed = [&target, signal](GpuId gpu) { target.arrived(signal, gpu); },
          .targets = target.own()};
}

void PipelineStages::built(MicroBatch batch, int layer, int moe_layer, const LayerLoad& load) {
  if (load.gpu.empty() || batch.step >= told_) return;
  recorder_.layer_built(batch.step, moe_layer, load);
  hot_spots_.consider(pass_of(batch), layer, load, placement_);
}

void PipelineStages::step_ended(Seconds time) {
  if (ended_ == told_) return;
  recorder_.step_ended(ended_++, time);
  if (listener_.step_ended) listener_.step_ended(ended_, told_);
}

TaskGraph placed(TaskGraph graph, int step, int pass) {
  graph.step = step;
  graph.pass = pass;
  return graph;
}

}  // namespace moesim
