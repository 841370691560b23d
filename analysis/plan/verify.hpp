// The check of a steady state: requests that arrive at random, served by the deployment.
#pragma once

#include "analysis/plan/answer.hpp"

namespace moesim {

// Serves 30 s of arrivals of the workload, 3000 requests at most, on the deployment, in a forked
// child. A deployment
// without prefill cannot be asked for. Throws VariantFailed where the scenario cannot be served.
Verified verify(const PlanQuestion& question, const std::vector<Candidate>& candidates,
                const Deployment& deployment);

}  // namespace moesim
