#include "sim/kv_sends.hpp"

#include <utility>

namespace moesim {

KvSends::KvSends(Engine& engine, const Cluster& cluster, KvRoute route)
    : engine_(engine), cluster_(cluster), route_(route) {}

Exchange KvSends::layer_exchange(const IdVector<GpuId, double>& bytes) const {
  const auto gpus = static_cast<std::size_t>(cluster_.gpus());
  ByteMatrix matrix(gpus, gpus);
  std::vector<GpuId> group, receivers;
  for (const GpuId to : IdRange<GpuId>(route_.to.gpus))
    receivers.emplace_back(route_.to.first.value + to.value);
  const int width = route_.gpus_per_node;
  for (const GpuId sender : senders_) {
    const GpuId source(route_.from.first.value + sender.value);
    std::vector<GpuId> targets = receivers;  // all, where none is on the sender's rail
    std::erase_if(targets, [&](GpuId to) { return to.value % width != source.value % width; });
    if (targets.empty()) targets = receivers;
    for (const GpuId target : targets)
      matrix(source, target) = bytes[sender] / static_cast<double>(targets.size());
    group.push_back(source);
  }
  group.insert(group.end(), receivers.begin(), receivers.end());
  return {
      .legs = {{.bytes = std::move(matrix)}}, .groups = {std::move(group)}, .phase = Phase::kKv};
}

void KvSends::begin(const IdVector<GpuId, double>& bytes_per_layer, int layers, int step) {
  senders_.clear();
  for (const GpuId sender : bytes_per_layer.ids())
    if (bytes_per_layer[sender] > 0) senders_.push_back(sender);
  if (senders_.empty()) return;
  left_.assign(static_cast<std::size_t>(layers) * bytes_per_layer.size(), 1);
  for (const GpuId sender : senders_)
    for (std::size_t layer = 0; layer < static_cast<std::size_t>(layers); ++layer)
      left_[layer * bytes_per_layer.size() + sender.index()] = 0;
  std::vector<GpuId> held;
  for (const GpuId sender : senders_) held.emplace_back(route_.from.first.value + sender.value);
  const Exchange send = layer_exchange(bytes_per_layer);
  TaskGraph graph{.step = step};
  for (int layer = 0; layer < layers; ++layer) {
    const int made = graph.add(Hold{.gpus = held, .phase = Phase::kWait});
    graph.add(send, {made}, "KV cache");
  }
  waiting_ = std::move(graph);
  engine_.wake(*this);
}

void KvSends::layer_done(int layer, GpuId sender) {
  if (senders_.empty()) return;
  char& left = left_[static_cast<std::size_t>(layer * route_.from.gpus) + sender.index()];
  if (left != 0) return;
  left = 1;
  engine_.release(*this, given_ - 1, 2 * layer, GpuId(route_.from.first.value + sender.value));
}

std::optional<TaskGraph> KvSends::next() {
  if (!waiting_) return std::nullopt;
  ++given_;
  return std::exchange(waiting_, std::nullopt);
}

void KvSends::span(const Span& span) {
  const int sender = span.gpu.value - route_.from.first.value;
  if (!span_ || span.phase != Phase::kKv || sender < 0 || sender >= route_.from.gpus) return;
  Span own = span;
  own.gpu = GpuId(sender);
  span_(own);
}

}  // namespace moesim
