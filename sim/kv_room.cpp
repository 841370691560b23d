#include "sim/kv_room.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moesim {

std::int64_t kv_room(const Stretch& stretch, double mean_tokens) {
  const MoeModel& model = stretch.scenario.model;
  const MemoryRequest request = memory_request(stretch);
  check_buffers(request);
  const Bytes each =
      kv_bytes_on_gpu(model, mean_tokens, stretch.scenario.grid->parallel().tp) / mean_tokens;
  Bytes room = request.capacity;
  MemoryUse fullest;
  for (const GpuId gpu : request.slots.ids()) {
    if (!request.parallel.attends(gpu)) continue;
    MemoryUse use = memory_use(request, gpu);
    use.kv = Bytes(0);
    if (use.capacity - use.total() < room) {
      room = use.capacity - use.total();
      fullest = use;
    }
  }
  if (!(room.value > 0))
    throw InputError(
        request.spot,
        fmt::format("no memory is left for the KV cache: a GPU of {:.1f} GB has weights of {:.1f}, "
                    "exchange buffers of {:.1f}, activations of {:.1f} and a reserve of {:.1f} GB",
                    fullest.capacity.value / 1e9, (fullest.experts + fullest.dense).value / 1e9,
                    (fullest.buffers + fullest.staging).value / 1e9,
                    fullest.activations.value / 1e9, fullest.reserve.value / 1e9),
        "fewer workload.tokens_per_gpu, more nodes, or a larger parallel.tp");
  if (!(each.value > 0)) return std::int64_t{1} << 40;  // a model without attention keeps none
  return static_cast<std::int64_t>(room.value / each.value);
}

}  // namespace moesim
