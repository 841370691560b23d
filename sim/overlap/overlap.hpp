// What runs beside what: turns the parts of one layer into a task graph.
#pragma once

#include "sim/base/registry.hpp"
#include "sim/model/scenario.hpp"
#include "sim/model/task_graph.hpp"
#include "sim/model/token_range.hpp"

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
  bool decode = false;
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

// How the tokens of every GPU are divided among the batches of an MoE layer.
struct MicroBatches {
  std::vector<int> tokens;  // of each GPU, [batches]; their sum is what the GPU has
  // Whether attention, router and shared experts are divided, too. If not, the first batch has them
  // whole, and the others begin with their dispatch.
  bool attention = true;
  // Not 0: a batch for every distance between groups of so many GPUs, of the tokens' routes that go
  // so far; `tokens` has them whole, and `attention` is false.
  int peer_group = 0;
};

// Of all tokens that each GPU brings, those of batch `batch`, in proportion: every GPU has a share
// of each.
TokenRanges tokens_of_batch(const TokenRanges& all, const MicroBatches& batches, std::size_t batch);

// A node of the fragment under construction, or of the one before.
struct NodeRef {
  int node = 0;
  bool previous = false;
  bool operator==(const NodeRef&) const = default;
};

// Where micro-batches stand between two layers. Empty before the first layer, and wherever all of a
// layer has to end before the next begins.
struct Carried {
  struct Lane {
    std::vector<NodeRef> after;       // what its next part waits for
    std::vector<NodeRef> started;     // exchanges that it has not waited for yet
    std::optional<LayerParts> parts;  // of a layer that has begun
    int stage = 0;                    // of it that comes next
  };
  // The last of a compute stream, and of its exchanges that take SMs.
  struct Stream {
    std::optional<NodeRef> compute, communication;
  };
  std::vector<Lane> lanes;
  Stream main, beside;
};

// Adds the experts, those at home behind `arrived` (what dispatch ends with), those that travel
// when their weights are there, which leave behind `gated` (what the gate ends with). What combine
// waits for.
std::vector<int> add_experts(TaskGraph& graph, LayerParts& parts, const std::vector<int>& arrived,
                             const std::vector<int>& gated);

class Overlap {
 public:
  static constexpr const char* kRole = "overlap";
  virtual ~Overlap() = default;
  // Of the MoE layers; dense layers are whole. One batch: nothing is divided.
  virtual MicroBatches split(const Workload& workload) const {
    return {.tokens = {workload.tokens_per_gpu}};
  }
  // Whether attention and experts have to be on GPUs of their own (parallel.attention_gpus).
  virtual bool needs_attention_gpus() const { return false; }
  // The next layer's parts, one batch or as many as split() has. What is left of the layer for the
  // next fragment goes to `carried`.
  virtual TaskGraph build(std::vector<LayerParts> batches, Carried& carried) const = 0;
  // What is left of the last layer; possibly without a node.
  virtual TaskGraph finish(Carried&) const { return {}; }
};

// Adds a part behind `after`: what the next one waits for (`after` itself, if the part is empty).
std::vector<int> add_part(TaskGraph& graph, Part part, std::vector<int> after);

// Adds an operation behind nodes of this fragment or the one before.
NodeRef add_step(TaskGraph& graph, PartStep step, const std::vector<NodeRef>& after);

}  // namespace moesim
