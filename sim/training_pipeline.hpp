// The pieces of training steps: passes in the order of a schedule, gradients, optimizer.
//
// The gradients of a layer are reduced in a lane of their own as soon as the last micro-batch's
// pass over it has ended, beside the passes that are left. The norm of all gradients makes all
// stages wait for each other; then the optimizer updates the weights, and the next step begins.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "sim/gradient_traffic.hpp"
#include "sim/pipeline_stages.hpp"
#include "sim/schedule/schedule.hpp"
#include "sim/training_layers.hpp"

namespace moesim {

class TrainingPipeline {
 public:
  TrainingPipeline(PipelineStages& stages, const CostModel& cost);

  // What comes next in a stage's lane; nothing after the last step.
  std::vector<Piece> next_operation(int stage);

 private:
  using Pieces = std::vector<Piece>;
  // An operation of a stage's list, in a step.
  struct Turn {
    int stage = 0, step = 0;
    std::size_t operation = 0;
  };

  void add_gradient_lanes(const CostModel& cost);
  Pieces next_reduction(std::size_t lane);
  void add_forward(Turn turn, ChunkPass pass, Pieces& pieces);
  void add_backward(Turn turn, PassKind kind, ChunkPass pass, Pieces& pieces);
  void add_pair(Turn turn, const StageOperation& operation, Pieces& pieces);
  void add_wait(Turn turn, Signal::Kind kind, ChunkPass pass, Pieces& pieces);
  void add_transfer(Turn turn, Signal::Kind kind, ChunkPass pass, Pieces& pieces);
  void add_head(Turn turn, PassKind kind, ChunkPass pass, Pieces& pieces);
  Piece forward_layer(Turn turn, ChunkPass pass, int layer, bool again = false);
  Piece backward_layer(Turn turn, PassKind kind, ChunkPass pass, int layer);
  Piece paired_layers(Turn turn, const StageOperation& operation, int forward, int backward,
                      std::shared_ptr<Carried> carried);
  LayerParts forward_parts(Turn turn, ChunkPass pass, int layer, bool again);
  void complete(Turn turn, ChunkPass pass, int layer, Piece& piece);
  void reduced();
  TaskGraph built(TaskGraph graph, int step, int pass) const;

  const TrainingLayers& way(ChunkPass pass) const;
  LayerStep layer_step(Turn turn, ChunkPass pass, int layer) const;
  std::vector<int> layers_of(int stage, ChunkPass pass) const;  // ascending
  bool last_of_chunk(Turn turn, int chunk) const;
  const Training& training() const { return stages_.scenario().training; }

  PipelineStages& stages_;
  StageShape shape_;
  std::vector<StageOperations> operations_;
  std::vector<std::size_t> given_;                     // operations, [stages]
  std::vector<std::unique_ptr<TrainingLayers>> ways_;  // through the model: one or both
  std::vector<GradientTraffic> traffic_;               // of each gradient lane
  std::vector<int> reductions_;                        // steps begun, of each gradient lane
  std::vector<std::unique_ptr<Lane>> gradient_lanes_;
  std::vector<std::size_t> lane_of_stage_;
  int reduced_ = 0;             // GPUs, in the step under way
  std::map<int, int> updated_;  // gradient lanes at the end of a step
};

}  // namespace moesim
