#include "sim/rebalance/migration.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "sim/base/check.hpp"

namespace moesim {
namespace {

using NodeOf = std::function<NodeId(GpuId)>;

std::vector<GpuId> gpus_with(const LayerPlacement& placement, ExpertId expert) {
  std::set<GpuId> gpus;
  for (const SlotId slot : placement.slots_of[expert]) gpus.insert(placement.gpu_of(slot));
  return {gpus.begin(), gpus.end()};
}

// Not so of the slots of a dead GPU, whatever they name.
bool is_copy(const LayerPlacement& placement, SlotId slot) {
  const auto& copies = placement.slots_of[placement.expert_of[slot]];
  return std::find(copies.begin(), copies.end(), slot) != copies.end();
}

// Which of the sources serves each needer.
void share(const std::vector<GpuId>& sources, const std::vector<GpuId>& needers,
           std::map<GpuId, GpuId>& source_of) {
  const std::size_t least = needers.size() / sources.size(),
                    longer = needers.size() % sources.size();
  std::size_t next = 0;
  for (std::size_t i = 0; i < sources.size(); ++i)
    for (std::size_t run = least + (i < longer ? 1 : 0); run > 0; --run)
      source_of[needers[next++]] = sources[i];
}

// Where each GPU that gets the expert and did not hold it fetches it.
std::map<GpuId, GpuId> fetches(const LayerPlacement& before, const LayerPlacement& after,
                               ExpertId expert, const NodeOf& node_of) {
  const std::vector<GpuId> holders = gpus_with(before, expert);
  std::map<NodeId, std::vector<GpuId>> holders_of, needers_of;
  for (const GpuId gpu : holders) holders_of[node_of(gpu)].push_back(gpu);
  std::vector<GpuId> far;
  for (const GpuId gpu : gpus_with(after, expert)) {
    if (std::binary_search(holders.begin(), holders.end(), gpu)) continue;
    if (holders_of.contains(node_of(gpu)))
      needers_of[node_of(gpu)].push_back(gpu);
    else
      far.push_back(gpu);
  }
  std::map<GpuId, GpuId> source_of;
  if (holders.empty()) return source_of;
  for (const auto& [node, needers] : needers_of) share(holders_of[node], needers, source_of);
  share(holders, far, source_of);
  return source_of;
}

// The slot of the GPU that was where `slot` is now; none if it had fewer.
SlotId same_place(const LayerPlacement& before, const LayerPlacement& after, SlotId slot) {
  const std::size_t gpu = after.gpu_of(slot).index();
  const SlotId here(before.first_slot[gpu] + slot.value - after.first_slot[gpu]);
  return here.value < before.first_slot[gpu + 1] ? here : SlotId();
}

SlotMove local_move(const LayerPlacement& before, const LayerPlacement& after, SlotId slot) {
  const ExpertId expert = after.expert_of[slot];
  const GpuId gpu = after.gpu_of(slot);
  if (!is_copy(after, slot)) return {slot, SlotSource::kUnchanged, slot, gpu};
  const SlotId here = same_place(before, after, slot);
  if (here.valid() && before.expert_of[here] == expert && is_copy(before, here))
    return {slot, SlotSource::kUnchanged, here, gpu};
  for (const SlotId old : before.slots_of[expert])
    if (before.gpu_of(old) == gpu) return {slot, SlotSource::kSameGpu, old, gpu};
  for (SlotId earlier(after.first_slot[gpu.index()]); earlier != slot;
       earlier = SlotId(earlier.value + 1))
    if (after.expert_of[earlier] == expert) return {slot, SlotSource::kFreeRider, earlier, gpu};
  return {slot, SlotSource::kCrossNode, {}, {}};
}

}  // namespace

LayerPlacement without_gpus(LayerPlacement placement, std::span<const GpuId> dead) {
  const auto is_dead = [&](SlotId slot) {
    return std::find(dead.begin(), dead.end(), placement.gpu_of(slot)) != dead.end();
  };
  for (std::vector<SlotId>& slots : placement.slots_of) std::erase_if(slots, is_dead);
  return placement;
}

const char* to_string(SlotSource source) {
  constexpr const char* kNames[] = {"unchanged", "same_gpu",   "free_rider",
                                    "same_node", "cross_node", "loaded"};
  return kNames[static_cast<int>(source)];
}

std::vector<SlotMove> plan_migration(const LayerPlacement& before, const LayerPlacement& after,
                                     const NodeOf& node_of) {
  MOESIM_CHECK(before.experts() == after.experts(), "both placements are of the same experts");
  std::vector<std::map<GpuId, GpuId>> source_of(static_cast<std::size_t>(after.experts()));
  for (const ExpertId expert : after.slots_of.ids())
    source_of[expert.index()] = fetches(before, after, expert, node_of);
  std::vector<SlotMove> moves;
  for (const SlotId slot : after.expert_of.ids()) {
    SlotMove move = local_move(before, after, slot);
    if (!move.from_gpu.valid()) {
      const GpuId gpu = after.gpu_of(slot);
      const auto& sources = source_of[after.expert_of[slot].index()];
      if (sources.empty()) {
        moves.push_back({slot, SlotSource::kLoaded, {}, {}});
        continue;
      }
      move.from_gpu = sources.at(gpu);
      if (node_of(move.from_gpu) == node_of(gpu)) move.kind = SlotSource::kSameNode;
    }
    moves.push_back(move);
  }
  return moves;
}

IdMatrix<GpuId, GpuId, double> migration_bytes(const std::vector<SlotMove>& moves,
                                               const LayerPlacement& after, Bytes expert) {
  const auto gpus = static_cast<std::size_t>(after.gpus());
  IdMatrix<GpuId, GpuId, double> bytes(gpus, gpus);
  for (const SlotMove& move : moves)
    if (move.kind != SlotSource::kUnchanged && move.from_gpu.valid())
      bytes(move.from_gpu, after.gpu_of(move.slot)) += expert.value;
  return bytes;
}

void add_bytes(ByteMatrix& sum, const ByteMatrix& more) {
  for (std::size_t at = 0; at < sum.raw().size(); ++at) sum.raw()[at] += more.raw()[at];
}

Exchange stopped_copies(ByteMatrix bytes, std::vector<GpuId> live, double link_efficiency) {
  Exchange exchange{.groups = {std::move(live)},
                    .rendezvous = true,
                    .wait_for = WaitFor::kAll,
                    .phase = Phase::kMigration};
  exchange.legs.push_back({.bytes = std::move(bytes),
                           .network_inflation = 1 / link_efficiency,
                           .local_inflation = 1 / link_efficiency});
  return exchange;
}

ByteMatrix between_gpus(const ByteMatrix& bytes, const Grid& grid, int stage) {
  if (grid.plain()) return bytes;
  const auto gpus = static_cast<std::size_t>(grid.cluster().gpus());
  ByteMatrix all(gpus, gpus);
  for (const ExpertGroup& group : grid.expert_groups(stage))
    for (const GpuId source : bytes.row_ids())
      for (const GpuId target : bytes.column_ids())
        all(group.members[source.index()], group.members[target.index()]) =
            bytes(source, target) / grid.parallel().etp;
  return all;
}

MovedBytes moved_by(const ByteMatrix& bytes, const Cluster& cluster) {
  MovedBytes moved;
  for (const GpuId source : bytes.row_ids())
    for (const GpuId target : bytes.column_ids())
      (source == target                      ? moved.local
       : cluster.same_domain(source, target) ? moved.nvlink
                                             : moved.network) += bytes(source, target);
  return moved;
}

}  // namespace moesim
