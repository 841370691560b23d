#include "sim/engine/part_graph.hpp"

#include <algorithm>

namespace moesim {
namespace {

GpuId moved(GpuId gpu, GpuPart part) { return GpuId(gpu.value + part.first.value); }

void move_all(std::vector<GpuId>& gpus, GpuPart part) {
  for (GpuId& gpu : gpus) gpu = moved(gpu, part);
}

void move(Compute& compute, GpuPart part, int gpus) {
  IdVector<GpuId, KernelTime> times(gpus);
  for (const GpuId gpu : compute.time.ids()) times[moved(gpu, part)] = compute.time[gpu];
  compute.time = std::move(times);
}

void move(Transfer& transfer, GpuPart part, int) {
  transfer.source = moved(transfer.source, part);
  transfer.target = moved(transfer.target, part);
}

void move(Hold& hold, GpuPart part, int) { move_all(hold.gpus, part); }

void move(Exchange& exchange, GpuPart part, int gpus) {
  const auto all = static_cast<std::size_t>(gpus);
  for (ExchangeLeg& leg : exchange.legs) {
    ByteMatrix bytes(all, all);
    for (const GpuId source : leg.bytes.row_ids())
      std::copy(leg.bytes.row(source).begin(), leg.bytes.row(source).end(),
                bytes.row(moved(source, part)).begin() + part.first.value);
    leg.bytes = std::move(bytes);
  }
  if (exchange.groups.empty()) {
    exchange.groups.emplace_back();
    for (const GpuId gpu : IdRange<GpuId>(part.gpus)) exchange.groups.back().push_back(gpu);
  }
  for (std::vector<GpuId>& group : exchange.groups) move_all(group, part);
}

}  // namespace

TaskGraph on_all_gpus(TaskGraph graph, GpuPart part, int gpus) {
  if (part.gpus == gpus) return graph;
  for (TaskNode& node : graph.nodes)
    std::visit([&](auto& operation) { move(operation, part, gpus); }, node.operation);
  return graph;
}

}  // namespace moesim
