// What runs beside what: turns the parts of one layer into a task graph.
#pragma once

#include "sim/base/registry.hpp"
#include "sim/model/task_graph.hpp"

namespace moesim {

// Kernel times of one part of a layer, [gpus]; empty = the layer has no such part.
using PartTimes = IdVector<GpuId, KernelTime>;

// The parts of one transformer layer. Without `dispatch` it is a dense layer.
struct LayerParts {
  int step = 0;
  int layer = -1;  // MoE layer, −1 for a dense one
  PartTimes attention;
  PartTimes gate;
  std::optional<Exchange> agreement;  // of the GPUs on what each will send, before `choice`
  PartTimes choice;                   // of replicas; dispatch waits for it
  PartTimes shared;                   // shared experts
  PartTimes experts;
  PartTimes dense;
  std::optional<Exchange> dispatch;
  std::optional<Exchange> combine;
};

class Overlap {
 public:
  static constexpr const char* kRole = "overlap";
  virtual ~Overlap() = default;
  virtual TaskGraph build(LayerParts parts) const = 0;
};

}  // namespace moesim
