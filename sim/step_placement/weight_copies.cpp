// How the weights of a batch's copies travel.
#include <algorithm>
#include <map>

#include "sim/model/collective_exchange.hpp"
#include "sim/model/port_rates.hpp"
#include "sim/step_placement/temporary_slots.hpp"

namespace moesim {
namespace {

std::vector<GpuId> owners_of(const LayerPlacement& placement, ExpertId expert) {
  std::vector<GpuId> owners;
  for (const SlotId slot : placement.slots_of[expert]) owners.push_back(placement.gpu_of(slot));
  return owners;
}

// The root first, then the others of its domain, then the other GPUs, in cyclic order.
std::vector<GpuId> broadcast_group(GpuId root, const Cluster& cluster) {
  std::vector<GpuId> group{root};
  for (const bool near : {true, false})
    for (int step = 1; step < cluster.gpus(); ++step)
      if (const GpuId gpu((root.value + step) % cluster.gpus());
          cluster.same_domain(root, gpu) == near)
        group.push_back(gpu);
  return group;
}

// All experts at once: their rings or trees from different roots share the links. An expert is
// broadcast by the holder of its first slot.
Exchange broadcast(const StepCopies& copies, const LayerPlacement& placement, Bytes expert_size,
                   const Cluster& cluster, const CostModel& cost) {
  std::map<GpuId, int> experts_of;  // by root
  std::vector<ExpertId> experts;
  for (const TemporaryCopy& copy : copies.copies) experts.push_back(copy.expert);
  std::sort(experts.begin(), experts.end());
  experts.erase(std::unique(experts.begin(), experts.end()), experts.end());
  for (const ExpertId expert : experts) ++experts_of[owners_of(placement, expert).front()];
  const Bytes all = expert_size * static_cast<double>(experts.size());
  Collective whole{.group = broadcast_group(experts_of.begin()->first, cluster),
                   .kind = CollectiveKind::kBroadcast,
                   .size = all,
                   .phase = Phase::kMigration};
  Exchange exchange = expand({&whole, 1}, cluster, cost);
  const CollectiveAlgorithm algorithm =
      cost.collective(whole.kind, group_of(whole, cluster), all, port_rates(cluster), whole.library)
          .algorithm;
  ByteMatrix& bytes = exchange.legs.front().bytes;
  std::fill(bytes.raw().begin(), bytes.raw().end(), 0.0);
  for (const auto& [root, count] : experts_of) {
    whole.group = broadcast_group(root, cluster);
    whole.size = expert_size * count;
    const ByteMatrix own = collective_bytes(whole, algorithm, cluster);
    for (std::size_t i = 0; i < own.raw().size(); ++i) bytes.raw()[i] += own.raw()[i];
  }
  return exchange;
}

// Two legs: from a holder to one GPU of each other node (its peer on the holder's rail), and inside
// nodes. GPUs that NVLink joins to a holder fetch from it.
Exchange once_per_node(const StepCopies& copies, const LayerPlacement& placement, Bytes expert_size,
                       const Cluster& cluster) {
  ByteMatrix out(cluster.gpus(), cluster.gpus()), inside(cluster.gpus(), cluster.gpus());
  std::map<std::pair<ExpertId, NodeId>, std::vector<GpuId>> far;
  std::map<ExpertId, std::size_t> served;  // takes the holders in turn
  for (const auto& [gpu, expert] : copies.copies) {
    std::vector<GpuId> near;
    for (const GpuId owner : owners_of(placement, expert))
      if (cluster.same_domain(owner, gpu)) near.push_back(owner);
    if (near.empty())
      far[{expert, cluster.node_of(gpu)}].push_back(gpu);
    else
      inside(near[served[expert]++ % near.size()], gpu) += expert_size.value;
  }
  for (const auto& [where, gpus] : far) {
    const std::vector<GpuId> owners = owners_of(placement, where.first);
    const GpuId owner = owners[served[where.first]++ % owners.size()];
    const GpuId entry = cluster.rail_peer(where.second, owner);
    out(owner, entry) += expert_size.value;
    for (const GpuId gpu : gpus)
      if (gpu != entry) inside(entry, gpu) += expert_size.value;
  }
  Exchange exchange{.phase = Phase::kMigration};
  exchange.legs.push_back({.bytes = std::move(out)});
  exchange.legs.push_back({.bytes = std::move(inside)});
  return exchange;
}

double sum_of(const Exchange& exchange) {
  double sum = 0;
  for (const ExchangeLeg& leg : exchange.legs)
    for (const double bytes : leg.bytes.raw()) sum += bytes;
  return sum;
}

Compute from_hosts(const StepCopies& copies, const WeightTravel& travel, Bytes expert_size,
                   const Cluster& cluster) {
  Compute copy{.time = IdVector<GpuId, KernelTime>(cluster.gpus()),
               .stream = kCopyStream,
               .phase = Phase::kMigration};
  const BytesPerSecond rate = cluster.gpu().pcie * travel.link_efficiency;
  for (const TemporaryCopy& each : copies.copies) copy.time[each.gpu].memory += expert_size / rate;
  return copy;
}

}  // namespace

WeightCopies weight_copies(const StepCopies& copies, const WeightTravel& travel,
                           const LayerPlacement& placement, const MoeModel& model,
                           const Cluster& cluster, const CostModel& cost) {
  WeightCopies result;
  if (copies.copies.empty()) return result;
  const Bytes expert_size = expert_bytes(model);
  if (travel.path == WeightPath::kHost) {
    result.from_hosts = from_hosts(copies, travel, expert_size, cluster);
    result.bytes = expert_size.value * static_cast<double>(copies.copies.size());
    return result;
  }
  if (travel.path == WeightPath::kBroadcast) {
    result.between_gpus = broadcast(copies, placement, expert_size, cluster, cost);
  } else {
    result.between_gpus = once_per_node(copies, placement, expert_size, cluster);
    for (ExchangeLeg& leg : result.between_gpus->legs)
      leg.network_inflation = leg.local_inflation = 1 / travel.link_efficiency;
  }
  result.between_gpus->sms = travel.sms;
  result.bytes = sum_of(*result.between_gpus);
  return result;
}

}  // namespace moesim
