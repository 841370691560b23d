// Sentences of a plan that its table, its document and its report have in common.
#pragma once

#include "analysis/plan/answer.hpp"

namespace moesim {

// "6 nodes of H200 (48 GPUs): …", or that nothing meets the targets.
std::string answer_sentence(const PlanQuestion& question, const PlanAnswer& answer);

// "4 nodes; 4 to 5 within the calibration's ±6 %"
std::string firmness_text(const Deployment& deployment);

// Clusters that may be the cheapest after all, as far as errors of kernels leave open; empty: none.
std::string rivals_text(const PlanQuestion& question, const PlanAnswer& answer);

// "4 nodes of H100 (32 GPUs) at $80.0 an hour, $1.33 per million output tokens"
std::string deployment_text(const PlanQuestion& question, const Deployment& deployment);

// "2 instances of 4 nodes (EP32), eplb, 128 sequences a GPU"
std::string pool_size_text(const PlanQuestion& question, const PlanAnswer& answer,
                           const PoolSize& size);

// "tpot 50.0 ms, ttft 2.00 s, 10 % headroom"
std::string targets_text(const PlanTargets& targets);
std::string workload_text(const PlanWorkload& workload);

// Where the costs of the deployment's kernels are from: that they were measured, or how much of a
// step rests on datasheets and moved coefficients.
std::string basis_text(const Deployment& deployment);
// Whether an error is so large that nobody measured the kernels on this GPU.
bool is_datasheet(const Deployment& deployment);

// The cheapest of those whose kernels were measured; none: there is none, or it is the cheapest.
std::optional<std::size_t> cheapest_measured(const PlanAnswer& answer);

// What a steady state does not include.
std::vector<std::string> not_included(const PlanQuestion& question);

}  // namespace moesim
