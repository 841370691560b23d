// Expert-parallel groups beside each other: their routes, and their exchanges as one.
#pragma once

#include <optional>

#include "sim/model/grid.hpp"
#include "sim/model/routing.hpp"
#include "sim/model/task_graph.hpp"

namespace moesim {

// The tokens of `members` alone, which are numbered by their places. `routing` has the GPUs from
// `first` on as sources.
Routing routing_of(const Routing& routing, const std::vector<GpuId>& members, GpuId first);

// Adds the sources of `more` to those of `all`, rank by rank. An empty `all` becomes `more`.
// Logits are not kept.
void append_by_rank(Routing more, Routing& all);

// Adds the exchange of a group, in the numbers of its ranks, to that of all GPUs.
void add_group(Exchange exchange, const Grid& grid, const ExpertGroup& group,
               std::optional<Exchange>& all);

}  // namespace moesim
