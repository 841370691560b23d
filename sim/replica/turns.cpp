#include "sim/replica/turns.hpp"

namespace moesim {

DealtLoad::DealtLoad(const ReplicaRequest& request)
    : request_(request), load_(request.placement.gpus()) {
  const ExpertCounts& counts = request.routing.counts;
  for (const GpuId source : counts.row_ids())
    for (const ExpertId expert : counts.column_ids())
      if (const auto& slots = request.placement.slots_of[expert]; slots.size() == 1)
        load_[request.placement.gpu_of(slots.front())] += counts(source, expert);
}

bool DealtLoad::better(GpuId source, SlotId slot, SlotId than) const {
  const GpuId a = request_.placement.gpu_of(slot), b = request_.placement.gpu_of(than);
  if (load_[a] != load_[b]) return load_[a] < load_[b];
  const int far_a = distance(source, a), far_b = distance(source, b);
  return far_a != far_b ? far_a < far_b : slot < than;
}

int DealtLoad::distance(GpuId source, GpuId gpu) const {
  if (source == gpu) return 0;
  return request_.cluster.same_node(source, gpu) ? 1 : 2;
}

}  // namespace moesim
