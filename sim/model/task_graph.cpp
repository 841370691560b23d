#include "sim/model/task_graph.hpp"

namespace moesim {

const char* to_string(Phase phase) {
  switch (phase) {
    case Phase::kAttention:
      return "attention";
    case Phase::kGate:
      return "gate";
    case Phase::kDispatch:
      return "dispatch";
    case Phase::kExperts:
      return "experts";
    case Phase::kCombine:
      return "combine";
    case Phase::kShared:
      return "shared";
    case Phase::kDense:
      return "dense";
    case Phase::kMigration:
      return "migration";
    case Phase::kCollective:
      return "collectives";
    case Phase::kOffload:
      return "offload";
    case Phase::kLaunch:
      return "launch";
    case Phase::kPipeline:
      return "pipeline";
    case Phase::kGradient:
      return "gradients";
    case Phase::kKv:
      return "kv";
    case Phase::kOptimizer:
      return "optimizer";
    case Phase::kWait:
      return "wait";
    case Phase::kCount:
      break;
  }
  return "";
}

TaskGraph joined(TaskGraph first, TaskGraph second) {
  const auto offset = static_cast<int>(first.nodes.size());
  std::vector<char> is_exit(first.nodes.size(), 1);
  for (const TaskNode& node : first.nodes)
    for (const int before : node.after) is_exit[static_cast<std::size_t>(before)] = 0;
  std::vector<int> exits;
  for (int node = 0; node < offset; ++node)
    if (is_exit[static_cast<std::size_t>(node)]) exits.push_back(node);
  for (TaskNode& node : second.nodes) {
    const bool entry = node.after.empty() && node.after_previous.empty();
    for (int& before : node.after) before += offset;
    node.after.insert(node.after.end(), node.after_previous.begin(), node.after_previous.end());
    node.after_previous.clear();
    if (entry) node.after = exits;
    first.nodes.push_back(std::move(node));
  }
  return first;
}

}  // namespace moesim
