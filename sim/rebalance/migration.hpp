// What has to be copied when a layer's experts change places.
//
// For each slot whose expert changes, the nearest place that has the weights (after SGLang's
// expert_location_updater; policies.md 3.10).
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "sim/model/cluster.hpp"
#include "sim/model/grid.hpp"
#include "sim/model/placement.hpp"
#include "sim/model/task_graph.hpp"

namespace moesim {

enum class SlotSource {
  kUnchanged,  // the slot holds the expert already
  kSameGpu,    // another slot of the GPU held it: the lowest
  kFreeRider,  // an earlier slot of the GPU receives it in this update
  kSameNode,   // a GPU of the node held it
  kCrossNode,
  kLoaded,  // no GPU held it: from the host, or a disk
};
const char* to_string(SlotSource source);  // "unchanged", "same_gpu", …

// Of one slot of the new placement.
struct SlotMove {
  SlotId slot;
  SlotSource kind = SlotSource::kUnchanged;
  SlotId from_slot;  // of the first three kinds
  GpuId from_gpu;    // of all but kLoaded
};

// The copies on some GPUs, which are dead, are none.
LayerPlacement without_gpus(LayerPlacement placement, std::span<const GpuId> dead);

// [slots]. GPUs that need an expert share its holders evenly: in order, in runs of equal length,
// the longer runs first. The holders are those of the node, or, where it has none, all. Slots of a
// dead GPU, which are no copies, hold nothing before and are unchanged after. Both
// placements are of the same experts; GPUs may have other numbers of slots than before.
std::vector<SlotMove> plan_migration(const LayerPlacement& before, const LayerPlacement& after,
                                     const std::function<NodeId(GpuId)>& node_of);

// Bytes between GPUs, [source × target]; the diagonal is copied inside a GPU.
ByteMatrix migration_bytes(const std::vector<SlotMove>& moves, const LayerPlacement& after,
                           Bytes expert);

// Adds the copies of another layer.
void add_bytes(ByteMatrix& sum, const ByteMatrix& more);

// The copies of GPUs that stop for them: nobody of the live ones goes on before all are done.
// `link_efficiency`: share of a link's rate that they reach.
Exchange stopped_copies(ByteMatrix bytes, std::vector<GpuId> live, double link_efficiency);

// Copies between ranks, [ep × ep], as those of all GPUs of a stage: every replica of the group
// makes them, each shard its share.
ByteMatrix between_gpus(const ByteMatrix& bytes, const Grid& grid, int stage);

// Inside GPUs, between GPUs of an NVLink domain, and beyond.
struct MovedBytes {
  double local = 0, nvlink = 0, network = 0;
};
MovedBytes moved_by(const ByteMatrix& bytes, const Cluster& cluster);

}  // namespace moesim
