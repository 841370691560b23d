// Which experts come to the tokens of one batch, where otherwise the tokens go to them.
//
// A placement holds for many steps. A step placement is made for one layer of one step, from the
// routes of that batch (or of the one before): copies of experts that other GPUs hold, which travel
// during the step and are dropped after it, and the routes that these copies compute.
#pragma once

#include <optional>
#include <vector>

#include "sim/base/registry.hpp"
#include "sim/model/cluster.hpp"
#include "sim/model/moe_model.hpp"
#include "sim/model/placement.hpp"
#include "sim/replica/replica.hpp"

namespace moesim {

constexpr double kActivationBytes = 2;  // of a value that travels: bf16

struct StepPlacementRequest {
  const Assignment& assignment;  // where the routes go without copies
  const LayerPlacement& placement;
  const Cluster& cluster;
  const MoeModel& model;
  const ExpertCounts* before = nullptr;  // admitted routes of the layer a step ago; null = no step
};

struct TemporaryCopy {
  GpuId gpu;
  ExpertId expert;  // that the GPU does not hold
  auto operator<=>(const TemporaryCopy&) const = default;
};

// Routes that `source` would send to `slot`. A copy of its expert on `gpu`, temporary or not,
// computes them.
struct TakenRoutes {
  GpuId source;
  SlotId slot;
  GpuId gpu;
  int routes = 0;
  bool operator==(const TakenRoutes&) const = default;
};

struct StepCopies {
  std::vector<TemporaryCopy> copies;  // ascending
  std::vector<TakenRoutes> taken;
};

// How weights come to a GPU.
enum class WeightPath {
  kBroadcast,    // each expert to all GPUs, by NCCL
  kOncePerNode,  // through the NICs to one GPU of a node, from there on inside it
  kHost,         // every GPU from the memory of its own host
};

struct WeightTravel {
  WeightPath path = WeightPath::kOncePerNode;
  bool before_gate = false;  // known when the layer begins; else when its routes are
  bool agreed = false;       // the GPUs need each other's counts of routes first: an all-reduce
  std::optional<Seconds> agreement;  // of the all-reduce; absent = what NCCL takes for it
  Seconds decision;                  // then spent on each GPU, before dispatch
  // Share of a link's rate; a broadcast has NCCL's.
  double link_efficiency = 1;
  int sms = 0;  // that the copies take from compute
};

class StepPlacement {
 public:
  static constexpr const char* kRole = "step_placement";
  virtual ~StepPlacement() = default;
  // There is never a copy.
  virtual bool idle() const { return false; }
  virtual StepCopies decide(const StepPlacementRequest& request) const = 0;
  virtual WeightTravel travel() const = 0;
};

}  // namespace moesim
