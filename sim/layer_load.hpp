// What one (step, layer) asked of experts and GPUs.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/conditioned_routing.hpp"
#include "sim/model/cluster.hpp"
#include "sim/model/gate_record.hpp"
#include "sim/model/routing.hpp"
#include "sim/model/task_graph.hpp"

namespace moesim {

// Rows that a GPU computes for a logical expert, all copies that it has of it together.
struct ExpertRows {
  int gpu = 0, expert = 0;
  double rows = 0;
};

// What a layer's routing was, for the records.
struct LayerLoad {
  std::vector<double> gpu;         // routes computed by each GPU of the layer's stage
  int first_gpu = 0;               // of the stage
  std::vector<double> expert;      // routes admitted to each logical expert, [experts]
  std::vector<ExpertRows> on_gpu;  // one entry a slot: a pair may come several times
  std::int64_t tokens = 0, routes = 0, dropped_routes = 0, dropped_tokens = 0, rows = 0;
  double nvlink_bytes = 0, network_bytes = 0;  // payload of dispatch and combine
  GateRecord gate;
  std::int64_t rerouted_routes = 0;
  std::vector<GpuId> dead;  // of the stage's GPUs, ascending
  MaskedRoutes masked;
  std::int64_t moved_tokens = 0, lost_tokens = 0;  // of the dead: served by others, and by nobody
  // Experts that travelled to this batch, and their temporary copies on each GPU (empty: none).
  int travelling_experts = 0;
  std::vector<int> copies;
  double migration_bytes = 0;  // their weights
  Routing routing;             // as admitted, by rank: a source is all GPUs of a rank
  // As in RoutedLayer, when the layer has been built; of its first micro-batch.
  IdVector<GpuId, std::vector<int>> rows_of;
  IdVector<GpuId, double> received;
  double usual_rows = 0;
};

// Routes of the GPUs that live.
std::vector<double> live_gpu_load(const LayerLoad& load);

// The loads of two micro-batches of a layer; what is as in RoutedLayer stays.
void add(LayerLoad& sum, LayerLoad more);

// Adds the payload of an exchange.
void count_bytes(const Exchange& exchange, const Cluster& cluster, LayerLoad& load);

}  // namespace moesim
