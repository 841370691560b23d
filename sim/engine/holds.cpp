// Holds: nodes that end when their producer says so.
#include <algorithm>

#include "sim/base/check.hpp"
#include "sim/engine/executor.hpp"

namespace moesim {

void Engine::Core::start_hold(const Task& task) {
  FragmentRun::Node& state = task.fragment->nodes[static_cast<std::size_t>(task.node)];
  if (state.holds[task.gpu] == HoldState::kOpen) return ended_.push_back(task);
  state.holds[task.gpu] = HoldState::kHolds;
  state.held_since[task.gpu] = clock_.now();
}

void Engine::Core::release(const Producer& producer, int fragment, int node, GpuId gpu) {
  const auto run = std::ranges::find_if(
      producers_, [&](const auto& each) { return each->producer == &producer; });
  MOESIM_CHECK(run != producers_.end(), "the producer was added");
  gpu.value += (*run)->part.first.value;
  FragmentRun& on = fragment_of(**run, fragment);
  FragmentRun::Node& state = on.nodes[static_cast<std::size_t>(node)];
  MOESIM_CHECK(state.holds[gpu] != HoldState::kOpen, "a GPU is released once, where it is held");
  const bool waits = state.holds[gpu] == HoldState::kHolds;
  state.holds[gpu] = HoldState::kOpen;
  if (!waits) return;
  const Task task{&on, node, gpu};
  tell_span(task, -1, state.held_since[gpu], clock_.now());
  ended_.push_back(task);
}

}  // namespace moesim
