#include "sim/engine/fragment_run.hpp"

namespace moesim {

void FragmentRun::begin(TaskGraph taken, int gpus, FragmentRun* before) {
  graph = std::move(taken);
  next = nullptr;
  const auto count = static_cast<int>(graph.nodes.size());
  if (nodes.size() < graph.nodes.size()) nodes.resize(graph.nodes.size());
  for (int node = 0; node < count; ++node) {
    const std::vector<int>& after = graph.nodes[static_cast<std::size_t>(node)].after;
    Node& state = nodes[static_cast<std::size_t>(node)];
    state.successors.clear();
    state.later.clear();
    state.waiting.raw().assign(static_cast<std::size_t>(gpus), static_cast<int>(after.size()));
    state.ended.raw().assign(static_cast<std::size_t>(gpus), 0);
    state.exchange = nullptr;
    state.target_ready = state.arrived = false;
    const Operation& operation = graph.nodes[static_cast<std::size_t>(node)].operation;
    if (const auto* hold = std::get_if<Hold>(&operation)) close(*hold, state, gpus);
  }
  for (int node = 0; node < count; ++node) {
    for (const int earlier : graph.nodes[static_cast<std::size_t>(node)].after) {
      MOESIM_CHECK(earlier >= 0 && earlier < count && earlier != node,
                   "a node comes after other nodes of its fragment");
      nodes[static_cast<std::size_t>(earlier)].successors.push_back(node);
    }
  }
  int exits = 0;  // nodes without successors
  for (int node = 0; node < count; ++node)
    exits += nodes[static_cast<std::size_t>(node)].successors.empty();
  exits_left.raw().assign(static_cast<std::size_t>(gpus), exits + 1);
  gpus_left = gpus;
  if (before != nullptr) follow(*before, gpus);
}

void FragmentRun::follow(FragmentRun& before, int gpus) {
  before.next = this;
  for (int node = 0; node < static_cast<int>(graph.nodes.size()); ++node) {
    for (const int earlier : graph.nodes[static_cast<std::size_t>(node)].after_previous) {
      MOESIM_CHECK(earlier >= 0 && earlier < static_cast<int>(before.graph.nodes.size()),
                   "a node comes after nodes that the fragment before has");
      Node& waited = before.nodes[static_cast<std::size_t>(earlier)];
      waited.later.push_back(node);
      for (const GpuId gpu : IdRange<GpuId>(gpus))
        nodes[static_cast<std::size_t>(node)].waiting[gpu] += !waited.ended[gpu];
    }
  }
}

void FragmentRun::close(const Hold& hold, Node& state, int gpus) {
  state.holds.raw().assign(static_cast<std::size_t>(gpus), HoldState::kOpen);
  state.held_since.raw().resize(static_cast<std::size_t>(gpus));
  for (const GpuId gpu : hold.gpus) state.holds[gpu] = HoldState::kClosed;
}

std::vector<int> FragmentRun::entries() const {
  std::vector<int> entries;
  for (std::size_t node = 0; node < graph.nodes.size(); ++node)
    if (graph.nodes[node].after.empty() && graph.nodes[node].after_previous.empty())
      entries.push_back(static_cast<int>(node));
  return entries;
}

std::vector<std::pair<int, GpuId>> FragmentRun::ready_at_once() const {
  std::vector<std::pair<int, GpuId>> ready;
  for (std::size_t node = 0; node < graph.nodes.size(); ++node) {
    if (!graph.nodes[node].after.empty() || graph.nodes[node].after_previous.empty()) continue;
    for (const GpuId gpu : exits_left.ids())
      if (nodes[node].waiting[gpu] == 0) ready.emplace_back(static_cast<int>(node), gpu);
  }
  return ready;
}

}  // namespace moesim
