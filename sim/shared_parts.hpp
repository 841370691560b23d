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

// One collective of `size` bytes (collective.hpp) of each of the groups; no step where they have
// one member.
Part collective_of(CollectiveKind kind, const GpuGroups& groups, Bytes size, const Grid& grid,
                   const CostModel& cost);

// Around a part that `groups` share, of tokens of `size` bytes: what brings every GPU all of them
// (nothing, where they are replicated), and what adds up what the GPUs computed.
Part gather_tokens(const GpuGroups& groups, Bytes size, const Grid& grid, const CostModel& cost);
Part sum_tokens(const GpuGroups& groups, Bytes size, const Grid& grid, const CostModel& cost);

// All-gathers, or reduce-scatters, in groups of GPUs that hold unequal parts, [gpus] bytes.
Part uneven_collective(CollectiveKind kind, const GpuGroups& groups,
                       const IdVector<GpuId, double>& parts, const Grid& grid,
                       const CostModel& cost);

}  // namespace moesim
