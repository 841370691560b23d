#include "sim/engine/fragment_run.hpp"

namespace moesim {

void FragmentRun::begin(TaskGraph taken, int gpus) {
  graph = std::move(taken);
  const auto count = static_cast<int>(graph.nodes.size());
  if (nodes.size() < graph.nodes.size()) nodes.resize(graph.nodes.size());
  for (int node = 0; node < count; ++node) {
    const std::vector<int>& after = graph.nodes[static_cast<std::size_t>(node)].after;
    Node& state = nodes[static_cast<std::size_t>(node)];
    state.successors.clear();
    state.waiting.raw().assign(static_cast<std::size_t>(gpus), static_cast<int>(after.size()));
    state.exchange = nullptr;
    state.target_ready = state.arrived = false;
    const Operation& operation = graph.nodes[static_cast<std::size_t>(node)].operation;
    if (const auto* hold = std::get_if<Hold>(&operation)) close(*hold, state, gpus);
    for (const int before : after) {
      MOESIM_CHECK(before >= 0 && before < node, "a node comes after nodes that were added before");
      nodes[static_cast<std::size_t>(before)].successors.push_back(node);
    }
  }
  exits = 0;
  for (int node = 0; node < count; ++node)
    exits += nodes[static_cast<std::size_t>(node)].successors.empty();
  exits_left.raw().assign(static_cast<std::size_t>(gpus), exits);
  gpus_left = gpus;
}

void FragmentRun::close(const Hold& hold, Node& state, int gpus) {
  state.holds.raw().assign(static_cast<std::size_t>(gpus), HoldState::kOpen);
  state.held_since.raw().resize(static_cast<std::size_t>(gpus));
  for (const GpuId gpu : hold.gpus) state.holds[gpu] = HoldState::kClosed;
}

std::vector<int> FragmentRun::entries() const {
  std::vector<int> entries;
  for (std::size_t node = 0; node < graph.nodes.size(); ++node)
    if (graph.nodes[node].after.empty()) entries.push_back(static_cast<int>(node));
  return entries;
}

}  // namespace moesim
