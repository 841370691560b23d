#include "sim/overlap/overlap.hpp"

namespace moesim {

std::vector<int> add_part(TaskGraph& graph, Part part, std::vector<int> after) {
  for (PartStep& step : part)
    after = {graph.add(std::move(step.operation), after, std::move(step.label))};
  return after;
}

}  // namespace moesim
