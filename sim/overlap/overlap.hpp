// What runs beside what: turns the parts of one layer into a task graph.
#pragma once

#include "sim/base/registry.hpp"
#include "sim/model/task_graph.hpp"

namespace moesim {

// Kernel times of one part of a layer, [gpus].
using PartTimes = IdVector<GpuId, KernelTime>;

// Operations that follow each other; empty = the layer has no such part.
struct PartStep {
  Operation operation;
  std::string label = {};  // as of a TaskNode
};
using Part = std::vector<PartStep>;

// Experts that come to the tokens of the batch, beside those that are at home.
struct TravellingExperts {
  Part weights;              // on their way
  bool before_gate = false;  // they leave when the layer begins
  Part experts;              // kernels of the copies
  bool receive = false;      // tokens of other GPUs, too: they also wait for dispatch
};

// The parts of one transformer layer. Without `dispatch` its experts, if any, need no exchange.
struct LayerParts {
  int step = 0;
  int layer = -1;  // MoE layer, −1 for a dense one
  Part prepare;    // norms and projections before the core of the attention
  Part attention;  // its core, and what follows
  Part dense;      // FFN of a dense layer
  Part gate;       // router, and the choice of replicas
  Part shared;     // shared experts
  Part dispatch;
  Part experts;
  Part combine;
  std::optional<TravellingExperts> travelling = std::nullopt;  // their experts end before combine
};

// Adds a part behind `after`: what the next one waits for (`after` itself, if the part is empty).
std::vector<int> add_part(TaskGraph& graph, Part part, std::vector<int> after);

// Adds the experts, those at home behind `arrived` (what dispatch ends with), those that travel
// when their weights are there, which leave behind `gated` (what the gate ends with). What combine
// waits for.
std::vector<int> add_experts(TaskGraph& graph, LayerParts& parts, const std::vector<int>& arrived,
                             const std::vector<int>& gated);

class Overlap {
 public:
  static constexpr const char* kRole = "overlap";
  virtual ~Overlap() = default;
  virtual TaskGraph build(LayerParts parts) const = 0;
};

}  // namespace moesim
