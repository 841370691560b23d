#include "sim/overlap/overlap.hpp"

#include <algorithm>
#include <cstdint>
#include <numeric>

namespace moesim {

TokenRanges tokens_of_batch(const TokenRanges& all, const MicroBatches& batches,
                            std::size_t batch) {
  const auto end = batches.tokens.begin() + static_cast<std::ptrdiff_t>(batch);
  const std::int64_t before = std::accumulate(batches.tokens.begin(), end, std::int64_t{0});
  const std::int64_t after = before + *end;
  const std::int64_t total = std::accumulate(end, batches.tokens.end(), before);
  TokenRanges ranges(all.size());
  for (const GpuId gpu : ranges.ids()) {
    const std::int64_t tokens = all[gpu].tokens;
    const auto first = static_cast<int>((tokens * before + total / 2) / total);
    const auto last = static_cast<int>((tokens * after + total / 2) / total);
    ranges[gpu] = {.first = all[gpu].first + first, .tokens = last - first};
  }
  return ranges;
}

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
