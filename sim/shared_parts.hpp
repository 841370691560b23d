// The collectives of groups that share weights: tensor-parallel groups of the dense parts, and the
// shards of an expert.
//
// Where tokens are scattered, each GPU of a group has a share of them between the shared parts:
// all-gather before, reduce-scatter after (Megatron-LM's sequence parallelism). Otherwise every GPU
// has all tokens and an all-reduce adds up what they computed (Megatron-LM, vLLM, SGLang).
#pragma once

#include "sim/model/cost_model.hpp"
#include "sim/model/grid.hpp"
#include "sim/overlap/overlap.hpp"

namespace moesim {

// What each GPU holds of something that is then complete on all of its group, [gpus] bytes.
using HeldBytes = IdVector<GpuId, double>;

// A collective of each of the groups, of what its GPUs hold together (collective.hpp); no step
// where they have one member, or nothing. Groups take as long as they have bytes.
Part collective_of(CollectiveKind kind, const GpuGroups& groups, const HeldBytes& held,
                   const Grid& grid, const CostModel& cost);

// Around a part that `groups` share, of the tokens that each GPU brings: what gives every GPU all
// of them (nothing, where they are replicated), and what adds up what the GPUs computed.
Part gather_tokens(const GpuGroups& groups, const HeldBytes& held, const Grid& grid,
                   const CostModel& cost);
Part sum_tokens(const GpuGroups& groups, const HeldBytes& held, const Grid& grid,
                const CostModel& cost);

}  // namespace moesim
