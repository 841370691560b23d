#include "sim/placement/gpu_speeds.hpp"

#include <fmt/format.h>

namespace moesim {

Parameter speeds_parameter() {
  return {.name = "speeds",
          .type = ParameterType::kNumbers,
          .doc = "relative speed of each GPU, or of each node's GPUs (default: the cluster's)"};
}

std::vector<double> speeds_of(const Arguments& arguments, const PlacementRequest& request) {
  if (!arguments.given("speeds")) {
    require_known(!request.speed.empty(), "the speed of the GPUs", arguments.section(),
                  "say speeds: [1, 1, 0.5, 0.5], one for each GPU or node");
    return request.speed.raw();
  }
  const Spot spot = arguments.spot("speeds");
  const std::vector<double>& given = arguments.numbers("speeds");
  const auto gpus = static_cast<std::size_t>(request.gpus);
  const auto nodes = static_cast<std::size_t>(request.nodes);
  if (given.size() != gpus && given.size() != nodes)
    throw InputError(spot, fmt::format("{} speeds are neither one for each of {} GPUs nor for each "
                                       "of {} nodes",
                                       given.size(), gpus, nodes));
  std::vector<double> speeds;
  for (std::size_t gpu = 0; gpu < gpus; ++gpu) {
    speeds.push_back(given[gpu * given.size() / gpus]);
    if (speeds.back() <= 0) throw InputError(spot, "a speed must be above 0");
  }
  return speeds;
}

}  // namespace moesim
