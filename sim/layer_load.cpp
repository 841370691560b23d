#include "sim/layer_load.hpp"

#include <algorithm>

#include "sim/exchange/group_exchange.hpp"

namespace moesim {
namespace {

void add(std::vector<double>& sum, const std::vector<double>& more) {
  for (std::size_t i = 0; i < more.size(); ++i) sum[i] += more[i];
}

}  // namespace

std::vector<double> live_gpu_load(const LayerLoad& load) {
  std::vector<double> live;
  for (std::size_t gpu = 0; gpu < load.gpu.size(); ++gpu)
    if (!std::binary_search(load.dead.begin(), load.dead.end(),
                            GpuId(load.first_gpu + static_cast<int>(gpu))))
      live.push_back(load.gpu[gpu]);
  return live;
}

void add(LayerLoad& sum, LayerLoad more) {
  add(sum.gpu, more.gpu);
  add(sum.expert, more.expert);
  sum.on_gpu.insert(sum.on_gpu.end(), more.on_gpu.begin(), more.on_gpu.end());
  sum.tokens += more.tokens;
  sum.routes += more.routes;
  sum.dropped_routes += more.dropped_routes;
  sum.dropped_tokens = std::min(sum.dropped_tokens, more.dropped_tokens) < 0
                           ? -1
                           : sum.dropped_tokens + more.dropped_tokens;
  sum.rows += more.rows;
  sum.nvlink_bytes += more.nvlink_bytes;
  sum.network_bytes += more.network_bytes;
  sum.rerouted_routes += more.rerouted_routes;
  if (!more.routing.first_token.empty()) append_by_rank(std::move(more.routing), sum.routing);
}

void count_bytes(const Exchange& exchange, const Cluster& cluster, LayerLoad& load) {
  for (const ExchangeLeg& leg : exchange.legs) {
    for (GpuId source : leg.bytes.row_ids()) {
      const auto row = leg.bytes.row(source);
      for (GpuId target : leg.bytes.column_ids()) {
        const double bytes = row[target.index()];
        if (bytes <= 0 || source == target) continue;
        (cluster.same_domain(source, target) ? load.nvlink_bytes : load.network_bytes) += bytes;
      }
    }
  }
}

}  // namespace moesim
