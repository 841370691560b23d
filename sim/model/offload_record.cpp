#include "sim/model/offload_record.hpp"

namespace moesim {

void add(OffloadRecord& sum, const OffloadRecord& other) {
  sum.uses += other.uses;
  sum.hits += other.hits;
  sum.late += other.late;
  sum.on_cpu += other.on_cpu;
  sum.low += other.low;
  sum.layers += other.layers;
  sum.hit_layers += other.hit_layers;
  sum.prefetches += other.prefetches;
  sum.useful += other.useful;
  sum.demand_bytes += other.demand_bytes;
  sum.prefetch_bytes += other.prefetch_bytes;
  sum.wasted_bytes += other.wasted_bytes;
  sum.host_bytes += other.host_bytes;
  sum.disk_bytes += other.disk_bytes;
}

}  // namespace moesim
