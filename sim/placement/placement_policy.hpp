// Which GPU holds which expert slots.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "sim/base/random.hpp"
#include "sim/base/registry.hpp"
#include "sim/model/load_window.hpp"
#include "sim/model/placement.hpp"

namespace moesim {

// Relative cost of a byte from GPU to GPU; 0 for the same GPU.
using GpuDistance = std::function<double(GpuId source, GpuId target)>;

// Everything after `random` may be empty: not known.
struct PlacementRequest {
  ExpertLoad load;  // [layers × experts], of a window before or apart from what is scored
  int gpus = 1;
  int nodes = 1;
  int groups = 1;  // expert groups of the model (EPLB's hierarchical policy)
  Random random{0};
  LoadDetail detail;  // as far as the policy needs it
  GpuDistance distance;
  IdVector<GpuId, double> speed;       // relative, [gpus]
  IdVector<GpuId, Bytes> expert_room;  // memory for the experts of all layers, [gpus]
  Bytes expert_size;                   // weights of one expert; 0 = not known
  std::vector<GpuId> dead;             // GPUs that hold nothing, ascending
  const Placement* present = nullptr;  // in use now, of the same layers
  int experts() const { return static_cast<int>(load.columns()); }
};

class PlacementPolicy {
 public:
  static constexpr const char* kRole = "placement";
  virtual ~PlacementPolicy() = default;
  // Parameters of every placement policy: `redundant` (extra slots per layer, default 0) and `load`
  // (a file for read_load_file; whoever makes the request reads it).
  static std::vector<Parameter> common_parameters();
  // What of a window decides the map. Without load, none is worth drawing.
  virtual WindowNeeds needs() const = 0;
  // Whether each GPU has the same slots whatever the load, so that a new map can replace an old
  // one.
  virtual bool keeps_slots() const { return true; }
  // Throws InputError where the sizes do not fit (slots not divisible by GPUs, …), and where
  // something that the policy cannot do without is not known.
  virtual Placement place(const PlacementRequest& request) const = 0;
};

// 1 within a node, 2 between nodes of the same number of GPUs: for clusters of which no more is
// known.
GpuDistance hop_distance(int gpus, int nodes);

// For what a policy cannot do without: throws InputError at `spot` if it is not known. `what` is
// such as "the load of single steps", `hint` says where it would come from.
void require_known(bool known, const std::string& what, const Spot& spot, const std::string& hint);

}  // namespace moesim
