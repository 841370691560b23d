#include "sim/model/memory.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "sim/base/bisect.hpp"

namespace moesim {
namespace {

double kv_tensor_parallel(const MoeModel& model, int tp) {
  // The latent of MLA is one vector for all heads: every GPU of a tp group keeps it whole.
  return model.attention.kind == AttentionKind::kMla ? 1 : std::min(tp, model.attention.kv_heads);
}

Bytes kv_cache(const MemoryRequest& request, const Workload& work) {
  const double tokens = 1.0 * work.prompt_tokens() * request.parallel.tp;
  Bytes cache = kv_bytes_of_sequence(request.model, std::max(1, work.context)) *
                (1.0 * work.answers() * request.parallel.tp);
  if (tokens > 0)
    cache += kv_bytes_of_sequence(request.model, std::max(1, work.prompt())) *
             std::max(1.0, tokens / std::max(1, work.prompt()));
  return cache / (kv_tensor_parallel(request.model, request.parallel.tp) * request.parallel.pp);
}

void add_training(const MemoryRequest& request, double slots, MemoryUse& use) {
  const TrainingNeeds& needs = *request.training;
  const MoeModel& model = request.model;
  const Parallel& parallel = request.parallel;
  const double expert = expert_parameters(model) * slots / parallel.etp;
  const double dense = (total_parameters(model) -
                        expert_parameters(model) * model.experts * model.moe_layer_count()) *
                       needs.copies / (parallel.tp * parallel.pp);
  use.dense = use.dense * needs.copies;
  use.kv = Bytes(0);
  use.gradients = Bytes((expert + dense) * needs.training.gradient_bytes);
  use.states = Bytes((expert / needs.expert_replicas + dense / needs.dense_replicas) *
                     needs.training.state_bytes);
}

MemoryUse use_with(const MemoryRequest& request, const Workload& work, double slots, GpuId gpu) {
  const Parallel& parallel = request.parallel;
  const Workload pass = work.one_pass();
  const double attends = parallel.attends(gpu) ? 1 : 0;
  MemoryUse use{.experts = expert_bytes(request.model) * slots / parallel.etp,
                .dense = replicated_bytes(request.model) * attends / (parallel.tp * parallel.pp),
                .kv = kv_cache(request, work) * attends,
                .activations = request.activations ? request.activations(pass, gpu) : Bytes(0),
                .buffers = request.buffers(pass.tokens_per_gpu),
                .staging = request.staging,
                .reserve = request.capacity * kMemoryReserve,
                .capacity = request.capacity,
                .buffer_limit = request.buffer_limit};
  if (request.training) add_training(request, slots, use);
  return use;
}

// The largest value below `limit` that fits, if any; fitting gets harder with the value.
std::optional<int> largest_below(int limit, const std::function<bool(int)>& fits) {
  const int largest = last_that_holds(0, limit, fits);
  return largest > 0 ? std::optional(largest) : std::nullopt;
}

// The smallest number of expert-parallel nodes that fits, if the experts are dealt evenly.
std::optional<int> nodes_that_fit(const MemoryRequest& request, GpuId gpu) {
  const int layers = request.model.moe_layer_count();
  if (layers == 0) return std::nullopt;
  const int all = std::accumulate(request.slots.begin(), request.slots.end(), 0);
  const int gpus = static_cast<int>(request.slots.size());
  const int ep = request.parallel.ep > 0 ? std::min(request.parallel.ep, gpus) : gpus;
  const int holders = gpus - request.parallel.attention_gpus;
  const int slots_per_layer = static_cast<int>(std::ceil(1.0 * all / holders * ep / layers));
  for (int nodes = 1 + (ep - 1) / request.gpus_per_node;; ++nodes) {
    const int members = nodes * request.gpus_per_node;
    const int held = (slots_per_layer + members - 1) / members;
    if (members > ep && use_with(request, request.workload, 1.0 * held * layers, gpu).fits())
      return nodes;
    if (held == 1) return std::nullopt;
  }
}

double gigabytes(Bytes size) { return size.value / 1e9; }

}  // namespace

std::string what_would_fit(const MemoryRequest& request, GpuId gpu) {
  const auto fits = [&](const Workload& work) {
    return use_with(request, work, request.slots[gpu], gpu).fits();
  };
  std::vector<std::string> ways;
  const auto tokens = largest_below(request.workload.tokens_per_gpu, [&](int value) {
    Workload work = request.workload;
    work.tokens_per_gpu = value;
    return fits(work);
  });
  if (tokens) ways.push_back(fmt::format("tokens_per_gpu: {}", *tokens));
  const auto context = largest_below(request.workload.context, [&](int value) {
    Workload work = request.workload;
    work.context = value;
    return fits(work);
  });
  if (context) ways.push_back(fmt::format("context: {}", *context));
  if (const auto nodes = nodes_that_fit(request, gpu))
    ways.push_back(fmt::format("experts over {} nodes", *nodes));
  if (ways.empty())
    return "neither fewer tokens, nor a shorter context, nor more nodes would do: it takes GPUs "
           "with "
           "more memory, or parallel.tp";
  return fmt::format("it would fit with {}", fmt::join(ways, ", or "));
}

namespace {

[[noreturn]] void refuse_training(const MemoryRequest& request, GpuId gpu, const MemoryUse& use) {
  throw InputError(
      request.spot,
      fmt::format(
          "does not fit into memory: GPU {} needs {:.1f} GB and has {:.1f} GB (weights "
          "{:.1f}, gradients {:.1f}, optimizer {:.1f}, activations {:.1f}, exchange buffers "
          "{:.1f}, reserve {:.1f} GB)",
          gpu.value, gigabytes(use.total()), gigabytes(use.capacity),
          gigabytes(use.experts + use.dense), gigabytes(use.gradients), gigabytes(use.states),
          gigabytes(use.activations), gigabytes(use.buffers), gigabytes(use.reserve)),
      "fewer tokens_per_gpu, more stages or replicas, training.recompute or training.optimizer "
      "would make it smaller");
}

}  // namespace

Bytes kv_bytes_of_sequence(const MoeModel& model, double tokens) {
  const Attention& at = model.attention;
  if (model.attention_layers() == 0) return Bytes(0);
  const Bytes per_layer = kv_bytes_per_token(model) / model.attention_layers();
  const double kept = at.window > 0 ? std::min<double>(tokens, at.window) : tokens;
  return per_layer *
         ((model.attention_layers() - at.windowed_layers) * tokens + at.windowed_layers * kept);
}

Bytes kv_bytes_on_gpu(const MoeModel& model, double tokens, int tp) {
  return kv_bytes_of_sequence(model, tokens) / kv_tensor_parallel(model, tp);
}

IdVector<GpuId, int> slots_per_gpu(const Placement& placement, const Grid& grid,
                                   const MoeModel& model) {
  IdVector<GpuId, int> slots(grid.cluster().gpus());
  for (const LayerId id : placement.layers.ids()) {
    const LayerPlacement& layer = placement.layers[id];
    const int stage = grid.stage_of(id, model);
    for (const GpuId gpu : slots.ids()) {
      if (grid.stage_of(gpu) != stage) continue;
      const auto rank = static_cast<std::size_t>(grid.rank_of(gpu));
      slots[gpu] += layer.first_slot[rank + 1] - layer.first_slot[rank];
    }
  }
  return slots;
}

MemoryUse memory_use(const MemoryRequest& request, GpuId gpu) {
  return use_with(request, request.workload, request.slots[gpu], gpu);
}

GpuId fullest_gpu(const MemoryRequest& request) {
  GpuId fullest(0);
  for (const GpuId gpu : request.slots.ids())
    if (memory_use(request, gpu).total() > memory_use(request, fullest).total()) fullest = gpu;
  return fullest;
}

void check_buffers(const MemoryRequest& request) {
  const GpuId gpu(0);  // as on any other
  const MemoryUse use = memory_use(request, gpu);
  if (use.buffers_fit()) return;
  throw InputError(
      request.spot,
      fmt::format("the exchange library does not allocate buffers of {:.1f} GB, which so many "
                  "tokens need, but {:.1f} GB at the most",
                  gigabytes(use.buffers), gigabytes(*use.buffer_limit)),
      what_would_fit(request, gpu));
}

IdVector<GpuId, MemoryUse> check_memory(const MemoryRequest& request) {
  IdVector<GpuId, MemoryUse> uses(request.slots.size());
  for (const GpuId gpu : uses.ids()) uses[gpu] = memory_use(request, gpu);
  const GpuId fullest = fullest_gpu(request);
  const MemoryUse& worst = uses[fullest];
  if (worst.memory_suffices()) {
    check_buffers(request);
    return uses;
  }
  if (request.training) refuse_training(request, fullest, worst);
  const std::string staging =
      worst.staging.value > 0 ? fmt::format("experts under way {:.1f}, ", gigabytes(worst.staging))
                              : "";
  throw InputError(
      request.spot,
      fmt::format(
          "does not fit into memory: GPU {} needs {:.1f} GB and has {:.1f} GB (experts "
          "{:.1f}, dense weights {:.1f}, KV cache {:.1f}, activations {:.1f}, exchange buffers "
          "{:.1f}, {}reserve {:.1f} GB)",
          fullest.value, gigabytes(worst.total()), gigabytes(worst.capacity),
          gigabytes(worst.experts), gigabytes(worst.dense), gigabytes(worst.kv),
          gigabytes(worst.activations), gigabytes(worst.buffers), staging,
          gigabytes(worst.reserve)),
      what_would_fit(request, fullest));
}

}  // namespace moesim
