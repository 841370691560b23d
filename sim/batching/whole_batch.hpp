// Batches that are filled once and run until their last answer has ended: what servers did before
// iteration-level scheduling (Orca, OSDI 2022, section 3, describes them).
#pragma once

#include "sim/batching/batching.hpp"

namespace moesim {

// The plan for a batch of `size` requests that has begun, or, with `begin`, may begin now. Its
// prompts are computed first, `tokens` of them in a step.
BatchPlan whole_batch_plan(const RankView& rank, bool begin, int size, int tokens);

}  // namespace moesim
