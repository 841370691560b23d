// The layer builder under the conditions that events make for its steps.
#include <algorithm>

#include "sim/conditioned_graph.hpp"
#include "sim/counterfactual.hpp"
#include "sim/layer_builder.hpp"

namespace moesim {

// GPUs that take over tokens of dead ones have as many, within one: all are taken at the most.
TokenRanges LayerBuilder::tokens_at(int step) const {
  const auto gpus = static_cast<std::size_t>(grid_.cluster().gpus());
  const bool own = !brought_.empty() || grid_.splits();
  const int each = scenario_.workload.tokens_per_gpu;
  const std::vector<int> usual = !brought_.empty() ? brought_
                                 : grid_.splits()  ? grid_.brought(each)
                                                   : std::vector<int>(gpus, each);
  const std::vector<int> served = tokens_under(timeline_.at(step), usual);
  const int most = *std::max_element(served.begin(), served.end());
  TokenRanges tokens(gpus);
  for (const GpuId gpu : tokens.ids()) tokens[gpu].tokens = own ? served[gpu.index()] : most;
  return tokens;
}

TaskGraph LayerBuilder::conditioned(TaskGraph graph, int layer) const {
  if (graph.nodes.empty()) return graph;
  const Conditions& all = timeline_.at(graph.step);
  apply_conditions(graph, layer, counterfactual_.no_stragglers ? without_stragglers(all) : all,
                   grid_.cluster(), Random(scenario_.seed));
  moesim::leave_out(counterfactual_, graph);
  return graph;
}

}  // namespace moesim
