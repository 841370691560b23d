// Turns collectives into exchanges: who sends how many bytes to whom, so that they share links with
// all other traffic.
//
// The hops of a collective are chunks in a pipeline, so that all its links are busy at once: one
// leg holds what passes each pair of neighbours, the hops' latency is in the start-up. The wirings
// follow NCCL: a ring for each GPU of a domain, which enters and leaves the domain on one rail
// (PXN); two complementary trees over the domains for each GPU of a domain, with a chain inside.
#pragma once

#include <span>

#include "sim/model/cluster.hpp"
#include "sim/model/cost_model.hpp"
#include "sim/model/task_graph.hpp"

namespace moesim {

// Collectives of the same kind, size and library that disjoint groups of the same shape call at the
// same time (such as the all-reduces of all tensor-parallel groups), as one exchange. Its time on
// an idle network is CostModel::collective(). In each group nothing starts before all its GPUs are
// there; GPUs outside the groups have no part in it.
Exchange expand(std::span<const Collective> collectives, const Cluster& cluster,
                const CostModel& cost);

// Bytes between neighbours, [source × target], without efficiencies.
ByteMatrix collective_bytes(const Collective& collective, CollectiveAlgorithm algorithm,
                            const Cluster& cluster);

// The shape of the group; a bug where its GPUs are not the same number in each domain.
CollectiveGroup group_of(const Collective& collective, const Cluster& cluster);

}  // namespace moesim
