// What experts outside the GPUs' memory cost in a step.
#pragma once

#include <cstdint>

namespace moesim {

// Of all GPUs. An expert counts once for each (GPU, layer) that uses it.
struct OffloadRecord {
  std::int64_t uses = 0;
  std::int64_t hits = 0;        // it was there when it was asked for
  std::int64_t late = 0;        // it was on its way, ahead of the demand
  std::int64_t on_cpu = 0;      // the CPU computed it
  std::int64_t low = 0;         // it was fetched as a copy of low precision
  std::int64_t layers = 0;      // (GPU, layer) pairs with a use
  std::int64_t hit_layers = 0;  // of them, those with all experts there
  std::int64_t prefetches = 0;  // that were begun
  std::int64_t useful = 0;      // of them, those that were used before they had to go
  double demand_bytes = 0;      // fetched when asked for
  double prefetch_bytes = 0;    // fetched ahead
  double wasted_bytes = 0;      // of them, of experts that had to go unused
  double host_bytes = 0;        // of both, from host memory
  double disk_bytes = 0;        // and from disk
};
void add(OffloadRecord& sum, const OffloadRecord& other);

}  // namespace moesim
