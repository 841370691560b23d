#include "sim/split_experts.hpp"

#include <algorithm>
#include <numeric>

#include "sim/base/check.hpp"

namespace moesim {
namespace {

// Puts `chain` in the place of a node: its first comes after what that came after, and what came
// after that comes after its last.
void replace(TaskGraph& graph, int node, std::vector<TaskNode> chain) {
  const int more = static_cast<int>(chain.size()) - 1;
  for (TaskNode& other : graph.nodes)
    for (int& before : other.after)
      if (before >= node) before += more;
  const auto at = graph.nodes.begin() + node;
  chain.front().after = at->after;
  for (std::size_t next = 1; next < chain.size(); ++next)
    chain[next].after = {node + static_cast<int>(next) - 1};
  *at = std::move(chain.front());
  graph.nodes.insert(at + 1, std::make_move_iterator(chain.begin() + 1),
                     std::make_move_iterator(chain.end()));
}

int expert_node(const TaskGraph& graph) {
  int found = -1;
  for (std::size_t node = 0; node < graph.nodes.size(); ++node) {
    const auto* compute = std::get_if<Compute>(&graph.nodes[node].operation);
    if (compute == nullptr || compute->phase != Phase::kExperts) continue;
    MOESIM_CHECK(found < 0, "a layer has its experts in one kernel");
    found = static_cast<int>(node);
  }
  MOESIM_CHECK(found >= 0, "an MoE layer has experts");
  return found;
}

// Of the rows that `counts` names.
KernelTime kernel(const Scenario& scenario, const CostModel& cost, const LayerLoad& load, GpuId gpu,
                  const std::vector<bool>& counts) {
  std::vector<int> rows = load.rows_of[gpu];
  const int all = std::accumulate(rows.begin(), rows.end(), 0);
  for (std::size_t slot = 0; slot < rows.size(); ++slot)
    if (!counts[slot]) rows[slot] = 0;
  const int some = std::accumulate(rows.begin(), rows.end(), 0);
  if (some == 0) return {};
  return cost.experts(
      expert_work(scenario.model, rows, load.received[gpu] * some / all, load.usual_rows));
}

}  // namespace

ExpertWait split_experts(TaskGraph& graph, const Scenario& scenario, const CostModel& cost,
                         const LayerLoad& load, const std::vector<GpuTurn>& turns, bool overlap) {
  const int node = expert_node(graph);
  const auto& whole = std::get<Compute>(graph.nodes[static_cast<std::size_t>(node)].operation);
  const int gpus = static_cast<int>(turns.size());
  const auto empty = [&] {
    return Compute{.time = IdVector<GpuId, KernelTime>(gpus), .phase = Phase::kExperts};
  };
  Compute first = empty(), second = empty();
  Hold hold;
  for (const GpuId gpu : first.time.ids()) {
    const GpuTurn& turn = turns[gpu.index()];
    if (turn.asked.empty() && turn.cpu.value == 0) {
      first.time[gpu] = whole.time[gpu];
      continue;
    }
    hold.gpus.push_back(gpu);
    std::vector<bool> now = turn.late, later = turn.late;
    for (std::size_t slot = 0; slot < now.size(); ++slot) {
      now[slot] = overlap && !turn.late[slot] && !turn.on_cpu[slot];
      later[slot] = turn.late[slot] || (!overlap && !turn.on_cpu[slot]);
    }
    first.time[gpu] = kernel(scenario, cost, load, gpu, now);
    second.time[gpu] = kernel(scenario, cost, load, gpu, later);
  }
  std::vector<TaskNode> chain = {{empty(), {}, "asks for experts"}, {std::move(first), {}}};
  ExpertWait wait{.ask = node};
  if (!hold.gpus.empty()) {
    wait.hold = node + static_cast<int>(chain.size());
    chain.push_back({std::move(hold), {}, "waits for experts"});
    chain.push_back({std::move(second), {}, "experts that came"});
  }
  replace(graph, node, std::move(chain));
  return wait;
}

}  // namespace moesim
