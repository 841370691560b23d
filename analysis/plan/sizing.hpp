// How many instances bear a demand, what they cost, and how much more they bear.
#pragma once

#include "analysis/plan/answer.hpp"

namespace moesim {

// The fewest whose rates together reach `demand`, both in tokens/s. At least 1.
int instances_for(double demand, double rate);

// The fewest nodes of each cluster that bear `growth` times the workload; none where it has too
// few. Of equal nodes, the one with the larger capacity.
std::optional<Deployment> deployment_of(const PlanQuestion& question,
                                        const std::vector<Candidate>& candidates,
                                        std::size_t cluster, double growth = 1);

// As above, whatever the cluster's max_nodes.
std::optional<Deployment> unlimited_deployment(const PlanQuestion& question,
                                               const std::vector<Candidate>& candidates,
                                               std::size_t cluster, double growth = 1);

double dollars_per_hour(const PlanCluster& cluster, int gpus);

// Indices of the fewest GPUs, and of the fewest dollars an hour; of equal ones the cheaper, or the
// smaller.
std::optional<std::size_t> smallest_of(const std::vector<Deployment>& deployments);
std::optional<std::size_t> cheapest_of(const std::vector<Deployment>& deployments);

std::vector<GrowthStep> growth_of(const PlanQuestion& question,
                                  const std::vector<Candidate>& candidates);

}  // namespace moesim
