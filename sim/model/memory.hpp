// Whether a model fits into the GPUs' memory: weights, KV cache, buffers, and a reserve.
#pragma once

#include <functional>
#include <optional>

#include "sim/base/ids.hpp"
#include "sim/model/cluster.hpp"
#include "sim/model/placement.hpp"
#include "sim/model/scenario.hpp"
#include "sim/model/training_memory.hpp"

namespace moesim {

// Kept free for workspaces of kernels, CUDA graphs, the context and fragmentation: vLLM's default
// (gpu_memory_utilization 0.9).
inline constexpr double kMemoryReserve = 0.1;  // of the GPU's memory

struct MemoryUse {
  Bytes experts;  // weights of the routed experts in the GPU's slots
  Bytes dense;    // weights of everything else, on every GPU with attention
  Bytes kv;
  Bytes activations;        // at their peak
  Bytes buffers;            // of the exchange library
  Bytes staging;            // of experts that are received while others are in use
  Bytes gradients, states;  // training: states are the optimizer's
  Bytes reserve;
  Bytes capacity;
  std::optional<Bytes> buffer_limit;  // the most that the exchange library allocates
  Bytes total() const {
    return experts + dense + kv + activations + buffers + staging + gradients + states + reserve;
  }
  bool memory_suffices() const { return total() <= capacity; }
  bool buffers_fit() const { return !buffer_limit || buffers <= *buffer_limit; }
  bool fits() const { return memory_suffices() && buffers_fit(); }
};

struct MemoryRequest {
  const MoeModel& model;
  Parallel parallel;
  Workload workload;
  IdVector<GpuId, int> slots;  // expert slots of all layers on each GPU [gpus]
  std::function<Bytes(int tokens_per_gpu)> buffers;
  std::optional<Bytes> buffer_limit = std::nullopt;          // as in MemoryUse
  std::function<Bytes(const Workload&, GpuId)> activations;  // of a pass; none: not counted
  Bytes staging;                                             // as in MemoryUse
  Bytes capacity;                                            // of a GPU
  int gpus_per_node = 8;
  Spot spot;  // where a model that does not fit is reported
  std::optional<TrainingNeeds> training = std::nullopt;
};

// KV cache of one sequence over all layers; windowed layers keep their window only.
Bytes kv_bytes_of_sequence(const MoeModel& model, double tokens);

// What a GPU keeps of one, where `tp` GPUs share its heads; an MLA latent is whole on each.
Bytes kv_bytes_on_gpu(const MoeModel& model, double tokens, int tp);

// [gpus]. Those of each GPU's rank, in the MoE layers of its stage.
IdVector<GpuId, int> slots_per_gpu(const Placement& placement, const Grid& grid,
                                   const MoeModel& model);

// `slots` are whole experts, of which a GPU holds 1 / etp; dense weights are split over tp and pp,
// the KV cache over pp and over tp as far as there are KV heads. It keeps the prompts of the step
// whole, and `context` tokens of each answer; both are those of all `tp` GPUs.
MemoryUse memory_use(const MemoryRequest& request, GpuId gpu);

// The one with the least left.
GpuId fullest_gpu(const MemoryRequest& request);

// Which smaller batch, shorter context or larger cluster would fit, as a hint.
std::string what_would_fit(const MemoryRequest& request, GpuId gpu);

// Throws InputError where the exchange library allocates no buffers as large as these, whatever the
// memory.
void check_buffers(const MemoryRequest& request);

// [gpus]. Throws InputError where a GPU's memory is too small, saying what needs it, and which
// smaller batch, shorter context or larger cluster would fit; and as check_buffers does.
IdVector<GpuId, MemoryUse> check_memory(const MemoryRequest& request);

}  // namespace moesim
