#include "sim/overlap/layer_head.hpp"

namespace moesim {

std::vector<int> add_head(TaskGraph& graph, LayerParts& parts) {
  std::vector<int> last;
  for (Part* part : {&parts.prepare, &parts.attention, &parts.dense, &parts.gate})
    last = add_part(graph, std::move(*part), std::move(last));
  return last;
}

std::vector<int> add_dispatch_and_shared(TaskGraph& graph, LayerParts& parts,
                                         const std::vector<int>& gated) {
  std::vector<int> arrived = add_part(graph, std::move(parts.dispatch), gated);
  if (parts.shared.empty()) return arrived;
  const std::vector<int> shared = add_part(graph, std::move(parts.shared), gated);
  return arrived == gated ? shared : both(std::move(arrived), shared);
}

std::vector<std::vector<int>> add_dispatches(TaskGraph& graph, std::vector<LayerParts>& batches,
                                             const std::vector<int>& gated) {
  std::vector<std::vector<int>> arrived;
  for (LayerParts& batch : batches)
    arrived.push_back(
        add_part(graph, std::move(batch.dispatch), arrived.empty() ? gated : arrived.back()));
  return arrived;
}

std::vector<int> both(std::vector<int> nodes, const std::vector<int>& more) {
  nodes.insert(nodes.end(), more.begin(), more.end());
  return nodes;
}

}  // namespace moesim
