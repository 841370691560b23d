#include "sim/launches.hpp"

#include <algorithm>
#include <variant>

namespace moesim {
namespace {

constexpr int kLaunchesOfExchange = 2;

// Kernels that an operation is on the GPU that launches most.
int launches_of(const Operation& operation) {
  if (std::holds_alternative<Exchange>(operation)) return kLaunchesOfExchange;
  const auto* kernels = std::get_if<Compute>(&operation);
  if (kernels == nullptr || kernels->stream == kHostStream) return 0;
  int most = 0;
  for (const KernelTime& time : kernels->time) most = std::max(most, time.launches);
  return most;
}

int gpus_of(const TaskGraph& graph) {
  for (const TaskNode& node : graph.nodes)
    if (const auto* kernels = std::get_if<Compute>(&node.operation))
      return static_cast<int>(kernels->time.size());
  return 0;
}

Compute on_host(int gpus, Seconds time) {
  return {.time = IdVector<GpuId, KernelTime>(gpus, {.memory = time}),
          .stream = kHostStream,
          .phase = Phase::kLaunch};
}

bool is_entry(const TaskNode& node) { return node.after.empty() && node.after_previous.empty(); }

}  // namespace

TaskGraph HostThread::launch(TaskGraph graph, bool begins_step) {
  if (launching_.graphs) {
    if (begins_step && launching_.step.value > 0) add_step_time(graph);
  } else {
    add_launches(graph, begins_step);
  }
  return graph;
}

void HostThread::add_step_time(TaskGraph& graph) const {
  const std::size_t kernels = graph.nodes.size();
  const int host = graph.add(on_host(gpus_of(graph), launching_.step), {}, "between steps");
  for (std::size_t node = 0; node < kernels; ++node)
    if (is_entry(graph.nodes[node])) graph.nodes[node].after = {host};
}

// A node starts when the first of its kernels is launched; the others are launched while it runs,
// before those of the next node.
void HostThread::add_launches(TaskGraph& graph, bool begins_step) {
  const int kernels = static_cast<int>(graph.nodes.size()), gpus = gpus_of(graph);
  if (gpus == 0) {
    last_ = -1;
    return;
  }
  const bool waits = begins_step || last_ < 0;
  // Entries wait for all of the fragment before: through a node of their own, because they also
  // wait for the host.
  const int entry = graph.add(on_host(gpus, {}), {}, "entry");
  Seconds pending = begins_step ? launching_.step : Seconds(0);
  int host = -1;
  const auto follow = [&](Seconds time) {
    const int next = graph.add(on_host(gpus, time), {}, "launch");
    if (host >= 0 || waits) graph.nodes.back().after = {host >= 0 ? host : entry};
    if (host < 0 && !waits) graph.nodes.back().after_previous = {last_};
    host = next;
  };
  for (int node = 0; node < kernels; ++node) {
    const int launches = launches_of(graph.nodes[static_cast<std::size_t>(node)].operation);
    const bool enters = is_entry(graph.nodes[static_cast<std::size_t>(node)]);
    if (launches > 0) {
      follow(pending + launching_.kernel);
      pending = launching_.kernel * (launches - 1);
    }
    std::vector<int>& after = graph.nodes[static_cast<std::size_t>(node)].after;
    if (enters) after.push_back(entry);
    if (launches > 0) after.push_back(host);
  }
  follow(pending);
  last_ = host;
}

}  // namespace moesim
