#include "sim/overlap/overlap.hpp"

#include <algorithm>

namespace moesim {

std::vector<int> add_part(TaskGraph& graph, Part part, std::vector<int> after) {
  for (PartStep& step : part)
    after = {graph.add(std::move(step.operation), after, std::move(step.label))};
  return after;
}

std::vector<int> add_experts(TaskGraph& graph, LayerParts& parts, const std::vector<int>& arrived,
                             const std::vector<int>& gated) {
  std::vector<int> ends = add_part(graph, std::move(parts.experts), arrived);
  if (!parts.travelling) return ends;
  TravellingExperts& travelling = *parts.travelling;
  std::vector<int> ready = add_part(graph, std::move(travelling.weights),
                                    travelling.before_gate ? std::vector<int>{} : gated);
  for (const int node : travelling.receive ? arrived : gated)
    if (std::find(ready.begin(), ready.end(), node) == ready.end()) ready.push_back(node);
  for (const int node : add_part(graph, std::move(travelling.experts), std::move(ready)))
    ends.push_back(node);
  return ends;
}

NodeRef add_step(TaskGraph& graph, PartStep step, const std::vector<NodeRef>& after) {
  const int node = graph.add(std::move(step.operation), {}, std::move(step.label));
  for (const NodeRef& ref : after) {
    TaskNode& added = graph.nodes.back();
    (ref.previous ? added.after_previous : added.after).push_back(ref.node);
  }
  return {.node = node};
}

}  // namespace moesim
