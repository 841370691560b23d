#include "sim/conditioned_graph.hpp"

#include <algorithm>
#include <cmath>

#include "sim/base/check.hpp"

namespace moesim {
namespace {

// The factors of a GPU's kernels in a layer, one after another.
class Jitters {
 public:
  Jitters(const Conditions& conditions, const TaskGraph& graph, int layer, const Random& random) {
    for (const GpuId gpu : conditions.jitter.ids())
      streams_.push_back(
          {conditions.jitter[gpu], random.stream(Purpose::kJitter, graph.step, layer, gpu.value)});
  }

  double next(GpuId gpu) {
    if (streams_.empty()) return 1;
    auto& [deviation, rng] = streams_[gpu.index()];
    const double normal = rng.normal();
    return deviation > 0 ? std::exp(deviation * normal - deviation * deviation / 2) : 1;
  }

 private:
  struct Stream {
    double deviation;
    Rng rng;
  };
  std::vector<Stream> streams_;
};

void scale(Compute& kernel, const Conditions& conditions, Jitters& jitters) {
  for (const GpuId gpu : kernel.time.ids()) {
    KernelTime& time = kernel.time[gpu];
    const double factor = jitters.next(gpu);
    const auto at = [&](const IdVector<GpuId, double>& speed) {
      return speed.empty() ? factor : factor / speed[gpu];
    };
    time.compute = time.compute * at(conditions.compute_speed);
    time.memory = time.memory * at(conditions.memory_speed);
  }
  for (const DeadGpu& dead : conditions.dead) kernel.time[dead.gpu] = {};
}

// The GPU of the node, or else of the NVLink domain, that forwards in place of a dead one; none:
// nobody is there to forward to.
GpuId stand_in(const Cluster& cluster, const Conditions& conditions, GpuId dead) {
  const std::vector<GpuId>& all = cluster.gpus_of(cluster.node_of(dead));
  const auto place = static_cast<std::size_t>(cluster.rail_of(dead));
  for (std::size_t i = 1; i < all.size(); ++i)
    if (const GpuId gpu = all[(place + i) % all.size()]; !conditions.is_dead(gpu)) return gpu;
  for (const GpuId gpu : IdRange<GpuId>(cluster.gpus()))
    if (gpu != dead && cluster.same_domain(gpu, dead) && !conditions.is_dead(gpu)) return gpu;
  return {};
}

void move_bytes(ByteMatrix& bytes, GpuId from, GpuId to) {
  double moved = 0;
  const auto fold = [&](double& here, GpuId source, GpuId target) {
    if (here > 0 && to.valid()) bytes(source, target) += here;
    moved += here;
    here = 0;
  };
  for (const GpuId other : bytes.row_ids()) fold(bytes(other, from), other, to);
  for (const GpuId other : bytes.row_ids()) fold(bytes(from, other), to, other);
  MOESIM_CHECK(moved == 0 || to.valid(), "nothing goes to GPUs of which none is alive");
}

void leave_out_dead(Exchange& exchange, const Conditions& conditions, const Cluster& cluster) {
  if (exchange.groups.empty()) {
    exchange.groups.emplace_back();
    for (const GpuId gpu : IdRange<GpuId>(cluster.gpus())) exchange.groups[0].push_back(gpu);
  }
  for (auto& group : exchange.groups)
    std::erase_if(group, [&](GpuId gpu) { return conditions.is_dead(gpu); });
  std::erase_if(exchange.groups, [](const auto& group) { return group.empty(); });
  for (ExchangeLeg& leg : exchange.legs)
    for (const DeadGpu& dead : conditions.dead)
      move_bytes(leg.bytes, dead.gpu, stand_in(cluster, conditions, dead.gpu));
}

// A dead GPU has nothing to wait for, and would be through with all layers of the run at once: it
// enters a layer with the first live GPU, which does not wait for it.
void let_dead_follow(TaskGraph& graph, const Conditions& conditions, const Cluster& cluster) {
  std::vector<GpuId> group = conditions.dead_gpus();
  GpuId first(0);
  while (conditions.is_dead(first)) ++first;
  group.push_back(first);
  graph.add(Exchange{.legs = {{.bytes = ByteMatrix(cluster.gpus(), cluster.gpus())}},
                     .groups = {std::move(group)},
                     .rendezvous = true,
                     .wait_for = WaitFor::kAll,
                     .phase = Phase::kWait});
}

}  // namespace

void apply_conditions(TaskGraph& graph, int model_layer, const Conditions& conditions,
                      const Cluster& cluster, const Random& random) {
  const bool usual = conditions.compute_speed.empty() && conditions.memory_speed.empty() &&
                     conditions.jitter.empty() && conditions.dead.empty();
  if (usual) return;
  Jitters jitters(conditions, graph, model_layer, random);
  for (TaskNode& node : graph.nodes) {
    if (auto* kernel = std::get_if<Compute>(&node.operation))
      scale(*kernel, conditions, jitters);
    else if (auto* exchange = std::get_if<Exchange>(&node.operation);
             exchange != nullptr && !conditions.dead.empty())
      leave_out_dead(*exchange, conditions, cluster);
  }
  if (!conditions.dead.empty()) let_dead_follow(graph, conditions, cluster);
}

}  // namespace moesim
