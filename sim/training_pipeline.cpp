#include "sim/training_pipeline.hpp"

#include <algorithm>

#include "sim/counterfactual.hpp"
#include "sim/exchange/library.hpp"

namespace moesim {
namespace {

// Passes over a layer: forward ones are even.
int forward_pass(ChunkPass pass) { return 2 * pass.micro_batch; }
int backward_pass(ChunkPass pass) { return 2 * pass.micro_batch + 1; }

bool makes_weight_gradients(const StageOperation& operation) {
  return operation.kind == PassKind::kBackward || operation.kind == PassKind::kBackwardWeight ||
         operation.kind == PassKind::kForwardAndBackward;
}

int chunk_of_weights(const StageOperation& operation) {
  return operation.kind == PassKind::kForwardAndBackward ? operation.backward.chunk
                                                         : operation.pass.chunk;
}

}  // namespace

TrainingPipeline::TrainingPipeline(PipelineStages& stages, const CostModel& cost)
    : stages_(stages) {
  const Scenario& passes = stages.passes().scenario;
  const int count = passes.grid->stages();
  const auto schedule = Registry<PipelineSchedule>::make(passes.schedule);
  shape_ = schedule->shape(count);
  operations_ = schedule->operations(count, stages.scenario().workload.micro_batches);
  given_.resize(operations_.size());
  for (const bool mirrored : {false, true}) {
    if (mirrored && !shape_.both_ways) continue;
    Scenario own = passes;
    Parallel parallel = own.grid->parallel();
    parallel.mirrored = mirrored;
    own.grid = std::make_shared<const Grid>(parallel, own.cluster);
    ways_.push_back(std::make_unique<TrainingLayers>(std::move(own), *stages.passes().trace, cost,
                                                     stages.passes().timeline));
    ways_.back()->leave_out(stages.passes().builder.left_out());
  }
  add_gradient_lanes(cost);
}

void TrainingPipeline::add_gradient_lanes(const CostModel& cost) {
  const int count = shape_.stages;
  lane_of_stage_.resize(static_cast<std::size_t>(count));
  for (int stage = 0; stage < (shape_.both_ways ? count / 2 : count); ++stage) {
    std::vector<int> together{stage}, layers;
    if (shape_.both_ways) together.push_back(count - 1 - stage);
    for (int chunk = 0; chunk < shape_.chunks; ++chunk)
      for (const int layer : layers_of(stage, {.chunk = chunk})) layers.push_back(layer);
    std::sort(layers.begin(), layers.end());
    const std::size_t lane = traffic_.size();
    for (const int own : together) lane_of_stage_[static_cast<std::size_t>(own)] = lane;
    traffic_.emplace_back(stages_.scenario(), cost, stages_.placement(), together, layers);
    reductions_.push_back(0);
    gradient_lanes_.push_back(
        stages_.make_lane(together, [this, lane] { return next_reduction(lane); }));
  }
}

const TrainingLayers& TrainingPipeline::way(ChunkPass pass) const {
  return *ways_[static_cast<std::size_t>(shape_.both_ways ? pass.chunk : 0)];
}

std::vector<int> TrainingPipeline::layers_of(int stage, ChunkPass pass) const {
  const Grid& grid = way(pass).grid();
  const int all = stages_.scenario().model.layers;
  std::vector<int> layers;
  for (int layer = 0; layer < all; ++layer)
    if (grid.stage_of_layer(layer, all) == stage &&
        (shape_.both_ways || grid.chunk_of_layer(layer, all) == pass.chunk))
      layers.push_back(layer);
  return layers;
}

LayerStep TrainingPipeline::layer_step(Turn turn, ChunkPass pass, int layer) const {
  return {.pass = stages_.pass_of({turn.step, pass.micro_batch}), .layer = layer};
}

// Whether nothing after it in the step adds to the gradients of the chunk's weights.
bool TrainingPipeline::last_of_chunk(Turn turn, int chunk) const {
  const StageOperations& all = operations_[static_cast<std::size_t>(turn.stage)];
  return std::none_of(all.begin() + static_cast<std::ptrdiff_t>(turn.operation) + 1, all.end(),
                      [&](const StageOperation& later) {
                        return makes_weight_gradients(later) && chunk_of_weights(later) == chunk;
                      });
}

std::vector<Piece> TrainingPipeline::next_operation(int stage) {
  const StageOperations& all = operations_[static_cast<std::size_t>(stage)];
  const std::size_t index = given_[static_cast<std::size_t>(stage)]++;
  const Turn turn{.stage = stage,
                  .step = static_cast<int>(index / all.size()),
                  .operation = index % all.size()};
  Pieces pieces;
  if (turn.step == stages_.steps()) return pieces;
  if (turn.operation == 0 && turn.step > 0)
    pieces.push_back({.wait = {{Signal::kUpdated, turn.step}}});
  const StageOperation& operation = all[turn.operation];
  if (operation.kind == PassKind::kForward)
    add_forward(turn, operation.pass, pieces);
  else if (operation.kind == PassKind::kForwardAndBackward)
    add_pair(turn, operation, pieces);
  else
    add_backward(turn, operation.kind, operation.pass, pieces);
  return pieces;
}

// Without what a counterfactual leaves out.
TaskGraph TrainingPipeline::built(TaskGraph graph, int step, int pass) const {
  leave_out(stages_.passes().builder.left_out(), graph);
  return placed(std::move(graph), step, pass);
}

void TrainingPipeline::add_wait(Turn turn, Signal::Kind kind, ChunkPass pass, Pieces& pieces) {
  const ChunkPlace at{turn.stage, pass.chunk};
  const auto from = kind == Signal::kActivation ? shape_.previous(at) : shape_.next(at);
  if (from) pieces.push_back({.wait = {{kind, turn.step, pass.micro_batch, pass.chunk}}});
}

void TrainingPipeline::add_transfer(Turn turn, Signal::Kind kind, ChunkPass pass, Pieces& pieces) {
  const ChunkPlace at{turn.stage, pass.chunk};
  const auto to = kind == Signal::kActivation ? shape_.next(at) : shape_.previous(at);
  if (!to) return;
  const Scenario& scenario = stages_.scenario();
  const Bytes size(scenario.workload.tokens_per_gpu * bf16_row(scenario.model));
  pieces.push_back(stages_.transfer(turn.stage, to->stage,
                                    {kind, turn.step, pass.micro_batch, to->chunk}, size));
}

void TrainingPipeline::add_head(Turn turn, PassKind kind, ChunkPass pass, Pieces& pieces) {
  if (shape_.next({turn.stage, pass.chunk})) return;
  pieces.push_back({.build = [=, this] { return built(way(pass).head(kind), turn.step, 0); }});
}

void TrainingPipeline::add_forward(Turn turn, ChunkPass pass, Pieces& pieces) {
  add_wait(turn, Signal::kActivation, pass, pieces);
  for (const int layer : layers_of(turn.stage, pass))
    pieces.push_back(forward_layer(turn, pass, layer));
  add_head(turn, PassKind::kForward, pass, pieces);
  add_transfer(turn, Signal::kActivation, pass, pieces);
}

void TrainingPipeline::add_backward(Turn turn, PassKind kind, ChunkPass pass, Pieces& pieces) {
  if (kind != PassKind::kBackwardWeight) add_wait(turn, Signal::kGradient, pass, pieces);
  add_head(turn, kind, pass, pieces);
  std::vector<int> layers = layers_of(turn.stage, pass);
  std::reverse(layers.begin(), layers.end());
  for (const int layer : layers) {
    if (training().recompute == Recompute::kFull && kind != PassKind::kBackwardWeight)
      pieces.push_back(forward_layer(turn, pass, layer, true));
    pieces.push_back(backward_layer(turn, kind, pass, layer));
  }
  if (kind != PassKind::kBackwardWeight) add_transfer(turn, Signal::kGradient, pass, pieces);
}

// The backward pass goes up the layers that the forward pass goes down; where one has more of them,
// what is left follows alone.
void TrainingPipeline::add_pair(Turn turn, const StageOperation& operation, Pieces& pieces) {
  add_wait(turn, Signal::kActivation, operation.pass, pieces);
  add_wait(turn, Signal::kGradient, operation.backward, pieces);
  add_head(turn, PassKind::kBackward, operation.backward, pieces);
  const std::vector<int> forward = layers_of(turn.stage, operation.pass);
  std::vector<int> backward = layers_of(turn.stage, operation.backward);
  std::reverse(backward.begin(), backward.end());
  const auto carried = std::make_shared<Carried>();
  const std::size_t both = std::min(forward.size(), backward.size());
  for (std::size_t i = 0; i < both; ++i)
    pieces.push_back(paired_layers(turn, operation, forward[i], backward[i], carried));
  for (std::size_t i = both; i < forward.size(); ++i)
    pieces.push_back(forward_layer(turn, operation.pass, forward[i]));
  for (std::size_t i = both; i < backward.size(); ++i)
    pieces.push_back(backward_layer(turn, PassKind::kBackward, operation.backward, backward[i]));
  add_head(turn, PassKind::kForward, operation.pass, pieces);
  add_transfer(turn, Signal::kActivation, operation.pass, pieces);
  add_transfer(turn, Signal::kGradient, operation.backward, pieces);
}

LayerParts TrainingPipeline::forward_parts(Turn turn, ChunkPass pass, int layer, bool again) {
  LayerLoad load;
  LayerParts parts = way(pass).forward(layer_step(turn, pass, layer), stages_.placement(), &load);
  if (!again) stages_.built({turn.step, pass.micro_batch}, layer, parts.layer, load);
  return parts;
}

Piece TrainingPipeline::forward_layer(Turn turn, ChunkPass pass, int layer, bool again) {
  return {.build = [=, this] {
    return built(forward_graph(forward_parts(turn, pass, layer, again)), turn.step,
                 again ? backward_pass(pass) : forward_pass(pass));
  }};
}

Piece TrainingPipeline::backward_layer(Turn turn, PassKind kind, ChunkPass pass, int layer) {
  Piece piece{.build = [=, this] {
    const LayerStep at = layer_step(turn, pass, layer);
    BackwardParts parts;
    LayerLoad load;
    if (kind != PassKind::kBackwardWeight)
      parts.input = way(pass).input_gradients(at, stages_.placement(), &load);
    stages_.sent(turn.step, load);
    if (kind != PassKind::kBackwardInput)
      parts.weight = way(pass).weight_gradients(at, stages_.placement());
    return built(backward_graph(std::move(parts)), turn.step, backward_pass(pass));
  }};
  if (kind != PassKind::kBackwardInput) complete(turn, pass, layer, piece);
  return piece;
}

Piece TrainingPipeline::paired_layers(Turn turn, const StageOperation& operation, int forward,
                                      int backward, std::shared_ptr<Carried> carried) {
  Piece piece{.build = [=, this] {
    const ChunkPass back = operation.backward;
    LayerParts ahead = forward_parts(turn, operation.pass, forward, false);
    LayerLoad load;
    BackwardParts parts =
        way(back).backward(layer_step(turn, back, backward), stages_.placement(), &load);
    stages_.sent(turn.step, load);
    const LayerPass at{ahead.layer, forward_pass(operation.pass)};
    const LayerPass back_at{parts.input.layer, backward_pass(back)};
    return built(paired_graph(std::move(ahead), std::move(parts), at, back_at, *carried), turn.step,
                 0);
  }};
  complete(turn, operation.backward, backward, piece);
  return piece;
}

// After the last pass over the layer's weights in a step their gradients can be reduced.
void TrainingPipeline::complete(Turn turn, ChunkPass pass, int layer, Piece& piece) {
  if (!last_of_chunk(turn, pass.chunk)) return;
  Lane& lane = *gradient_lanes_[lane_of_stage_[static_cast<std::size_t>(turn.stage)]];
  piece.passed = [&lane, signal = Signal{Signal::kLayer, turn.step, layer}](GpuId gpu) {
    lane.arrived(signal, gpu);
  };
}

std::vector<Piece> TrainingPipeline::next_reduction(std::size_t lane) {
  const int step = reductions_[lane]++;
  Pieces pieces;
  if (step == stages_.steps()) return pieces;
  const GradientTraffic& traffic = traffic_[lane];
  std::vector<int> layers(traffic.layers().rbegin(), traffic.layers().rend());
  if (!training().overlap_gradients)
    for (const int layer : layers) pieces.push_back({.wait = {{Signal::kLayer, step, layer}}});
  for (const int layer : layers) {
    if (training().overlap_gradients) pieces.push_back({.wait = {{Signal::kLayer, step, layer}}});
    pieces.push_back(
        {.build = [=, this, &traffic] { return built(traffic.reduce(layer), step, 0); }});
  }
  // A kernel of no time: everything before it has ended.
  TaskGraph end{.step = step};
  end.add(Compute{.time = IdVector<GpuId, KernelTime>(stages_.scenario().cluster->gpus())});
  pieces.push_back({.build = [end] { return end; }, .passed = [this](GpuId) { reduced(); }});
  pieces.push_back({.wait = {{Signal::kNorm, step}}});
  pieces.push_back({.build = [=, this, &traffic] { return built(traffic.update(), step, 0); }});
  if (step + 1 < stages_.steps())
    pieces.back().passed = [this, step](GpuId gpu) {
      const int stage = stages_.scenario().grid->stage_of(gpu);
      stages_.lane(stage).arrived({Signal::kUpdated, step + 1}, gpu);
    };
  pieces.back().ended = [this, step](Seconds time) {
    if (++updated_[step] < static_cast<int>(gradient_lanes_.size())) return;
    updated_.erase(step);
    stages_.step_ended(time);
  };
  return pieces;
}

// One GPU is done with its gradients; all are before any goes on.
void TrainingPipeline::reduced() {
  if (++reduced_ < stages_.scenario().cluster->gpus()) return;
  reduced_ = 0;
  for (std::size_t lane = 0; lane < gradient_lanes_.size(); ++lane)
    for (const GpuId gpu : gradient_lanes_[lane]->own())
      gradient_lanes_[lane]->arrived({Signal::kNorm, reductions_[lane] - 1}, gpu);
}

}  // namespace moesim
