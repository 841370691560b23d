#include "sim/counterfactual.hpp"

#include <boost/range/iterator_range.hpp>

#include "sim/calibration/calibration.hpp"
#include "sim/model/cluster_graph.hpp"

namespace moesim {
namespace {

constexpr double kTimesAsWide = 1e6;

bool may_differ_by_tokens(Phase phase) {
  return phase == Phase::kAttention || phase == Phase::kGate || phase == Phase::kShared ||
         phase == Phase::kDense;
}

void even_out(IdVector<GpuId, KernelTime>& times) {
  KernelTime sum;
  int kernels = 0;
  for (const KernelTime& time : times) {
    sum += time;
    kernels += time.total().value > 0 ? 1 : 0;
  }
  for (KernelTime& time : times) {
    if (!(time.total().value > 0)) continue;
    time.compute = sum.compute / kernels;
    time.memory = sum.memory / kernels;
  }
}

}  // namespace

Conditions without_stragglers(Conditions conditions) {
  conditions.compute_speed = {};
  conditions.memory_speed = {};
  conditions.jitter = {};
  return conditions;
}

void leave_out(const Counterfactual& counterfactual, TaskGraph& graph) {
  for (TaskNode& node : graph.nodes) {
    if (auto* exchange = std::get_if<Exchange>(&node.operation);
        exchange != nullptr && counterfactual.free_communication) {
      exchange->start_up = exchange->notify = {};
      exchange->sms = 0;
    }
    if (auto* kernel = std::get_if<Compute>(&node.operation);
        kernel != nullptr && counterfactual.no_stragglers && may_differ_by_tokens(kernel->phase))
      even_out(kernel->time);
  }
}

Cluster with_free_links(const Cluster& cluster) {
  ClusterGraph graph = cluster.graph();
  for (const Edge edge : boost::make_iterator_range(edges(graph))) {
    graph[edge].bandwidth = graph[edge].bandwidth * kTimesAsWide;
    graph[edge].latency = {};
  }
  return {std::move(graph), cluster.gpu(), Spot{}, cluster.host()};
}

std::unique_ptr<CostModel> kernel_costs(const Scenario& scenario,
                                        const Counterfactual& counterfactual) {
  GpuSpec gpu = scenario.cluster->gpu();
  std::vector<Calibration> calibrations = read_calibrations(scenario.calibration);
  if (counterfactual.infinite_hbm) {
    gpu.memory_bandwidth = gpu.memory_bandwidth * kTimesAsWide;
    for (Calibration& calibration : calibrations) {
      for (KernelEntry& entry : calibration.kernels)
        entry.measured_bandwidth =
            entry.measured_bandwidth.value_or(calibration.gpu.memory_bandwidth);
      calibration.gpu.memory_bandwidth = calibration.gpu.memory_bandwidth * kTimesAsWide;
    }
  }
  return make_cost_model(std::move(calibrations), gpu);
}

}  // namespace moesim
