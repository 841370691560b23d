// Which GPU holds which expert slots.
#pragma once

#include "sim/base/random.hpp"
#include "sim/base/registry.hpp"
#include "sim/model/placement.hpp"

namespace moesim {

struct PlacementRequest {
  ExpertLoad load;  // [layers × experts], of a window before or apart from what is scored
  int gpus = 1;
  int nodes = 1;
  int groups = 1;  // expert groups of the model (EPLB's hierarchical policy)
  Random random{0};
  int experts() const { return static_cast<int>(load.columns()); }
};

class PlacementPolicy {
 public:
  static constexpr const char* kRole = "placement";
  virtual ~PlacementPolicy() = default;
  // Parameters of every placement policy: `redundant` (extra slots per layer, default 0) and `load`
  // (a file for read_load_file; whoever makes the request reads it).
  static std::vector<Parameter> common_parameters();
  // Whether the load decides the map, so that a profiling window is worth drawing.
  virtual bool uses_load() const = 0;
  // Throws InputError where the sizes do not fit (slots not divisible by GPUs, …).
  virtual Placement place(const PlacementRequest& request) const = 0;
};

}  // namespace moesim
