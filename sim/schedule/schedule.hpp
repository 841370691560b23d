// In which order each pipeline stage runs the passes of its micro-batches.
//
// A pure function: from (stages, micro-batches) to a list of operations for every stage, which the
// stage runs one after the other, each as soon as its input is there. What that costs follows from
// the operations' times; no bubble is assumed anywhere.
#pragma once

#include <optional>
#include <vector>

#include "sim/base/registry.hpp"

namespace moesim {

enum class PassKind {
  kForward,
  kBackward,       // gradients of inputs and of weights
  kBackwardInput,  // of inputs alone; the pass for the weights comes later
  kBackwardWeight,
  kForwardAndBackward,  // of two micro-batches, whose kernels and exchanges overlap
};

// A micro-batch in one of a stage's chunks of the model.
struct ChunkPass {
  int micro_batch = 0;
  int chunk = 0;
  auto operator<=>(const ChunkPass&) const = default;
};

struct StageOperation {
  PassKind kind = PassKind::kForward;
  ChunkPass pass;
  ChunkPass backward = {};  // of kForwardAndBackward, the other of the two
  bool operator==(const StageOperation&) const = default;
};
using StageOperations = std::vector<StageOperation>;

// Where a chunk of the model is.
struct ChunkPlace {
  int stage = 0, chunk = 0;
  bool operator==(const ChunkPlace&) const = default;
};

// Which parts of the model a stage has. One way: stage s of p has parts s, p + s, 2p + s, … of
// p × chunks. Both ways: of p parts, s for the first half of the micro-batches and p − 1 − s for
// the second, which go from the last stage to the first.
struct StageShape {
  int stages = 1, chunks = 1;
  bool both_ways = false;
  // Where a forward pass goes on to, and where it came from; nothing at the ends of the model.
  std::optional<ChunkPlace> next(ChunkPlace at) const;
  std::optional<ChunkPlace> previous(ChunkPlace at) const;
};

class PipelineSchedule {
 public:
  static constexpr const char* kRole = "schedule";
  virtual ~PipelineSchedule() = default;
  virtual int chunks() const { return 1; }
  virtual bool both_ways() const { return false; }
  StageShape shape(int stages) const {
    return {.stages = stages, .chunks = chunks(), .both_ways = both_ways()};
  }
  // What is wrong with so many stages and micro-batches, if anything.
  virtual std::string mistake(int stages, int micro_batches) const;
  // [stages]: each (micro-batch, chunk) once forward and once backward.
  virtual std::vector<StageOperations> operations(int stages, int micro_batches) const = 0;
};

// Of a stage's operations: the most passes whose activations are kept at a time, from a forward
// pass to the end of the last backward pass that needs them.
int passes_in_flight(const StageOperations& operations);

}  // namespace moesim
