// Throughput against latency: which batches of which options are worth a look.
#pragma once

#include "analysis/plan/answer.hpp"

namespace moesim {

// Every decode step that was simulated with the full network, by latency; on the front of its
// cluster are those that no other of it beats in both. GPUs of different prices are not compared.
std::vector<ParetoPoint> pareto_of(const std::vector<Candidate>& candidates);

// Simulates the batches 8, 16, 32, … of the decode options in use, so that the front has points
// between those that a search looked at.
void add_ladder(StepSource& source, const std::vector<Deployment>& deployments,
                std::vector<Candidate>& candidates);

}  // namespace moesim
