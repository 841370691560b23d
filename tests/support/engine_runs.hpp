// Running fragments on an engine, and remembering all it tells.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <tuple>

#include "sim/base/random.hpp"
#include "sim/engine/engine.hpp"
#include "tests/support/clusters.hpp"
#include "tests/support/forked.hpp"

namespace moesim {

inline const NetworkOptions kExact{.fidelity = Fidelity::kFluid, .tolerance = 0};

// Gives fragments from a list, and records.
class RecordingProducer : public Producer {
 public:
  std::deque<TaskGraph> fragments;
  std::map<std::tuple<int, int, int>, double> ends;  // (fragment, node, gpu) → seconds
  std::vector<double> fragment_ends;
  std::vector<Span> spans;  // `label` is not kept
  double last_call = 0;
  bool in_order = true;

  std::optional<TaskGraph> next() override {
    if (fragments.empty()) return std::nullopt;
    TaskGraph graph = std::move(fragments.front());
    fragments.pop_front();
    return graph;
  }
  void done(int fragment, int node, GpuId gpu, Seconds time) override {
    note(time);
    ends[{fragment, node, gpu.value}] = time.value;
  }
  void fragment_done(int, Seconds time) override {
    note(time);
    fragment_ends.push_back(time.value);
  }
  void span(const Span& span) override {
    spans.push_back(span);
    spans.back().label = nullptr;
  }
  double end(int node, int gpu, int fragment = 0) const { return ends.at({fragment, node, gpu}); }

 private:
  void note(Seconds time) {
    in_order = in_order && time.value >= last_call;
    last_call = time.value;
  }
};

// Ends of the node on every GPU when one fragment runs alone; in a child.
inline std::vector<double> run_alone(const Cluster& cluster, const NetworkOptions& options,
                                     const TaskGraph& graph, int node) {
  return in_child([&] {
    RecordingProducer producer;
    producer.fragments.push_back(graph);
    Engine engine(cluster, options);
    engine.add(producer);
    engine.run();
    std::vector<double> ends;
    for (int gpu = 0; gpu < cluster.gpus(); ++gpu) ends.push_back(producer.end(node, gpu));
    return ends;
  });
}

inline ByteMatrix matrix_of(int gpus, const std::vector<std::tuple<int, int, double>>& entries) {
  ByteMatrix bytes(gpus, gpus);
  for (const auto& [source, target, size] : entries) bytes(GpuId(source), GpuId(target)) = size;
  return bytes;
}

inline TaskGraph exchange_graph(Exchange exchange) {
  TaskGraph graph;
  graph.add(std::move(exchange));
  return graph;
}

inline Compute compute(int gpus, const std::vector<std::pair<int, double>>& seconds,
                       int stream = 0) {
  Compute compute{.time = IdVector<GpuId, KernelTime>(gpus), .stream = stream};
  for (const auto& [gpu, time] : seconds) compute.time[GpuId(gpu)].compute = Seconds(time);
  return compute;
}

// Skewed as routing is: popular receivers, some empty pairs, and bytes on the diagonal.
inline ByteMatrix skewed_matrix(int gpus, std::uint64_t seed, double spread, double mean_bytes,
                                double empty_share = 0.1) {
  Rng rng(seed, Purpose::kRouting);
  std::vector<double> popularity(static_cast<std::size_t>(gpus));
  for (double& share : popularity) share = std::exp(spread * rng.normal());
  ByteMatrix bytes(gpus, gpus);
  for (const GpuId source : bytes.row_ids())
    for (const GpuId target : bytes.column_ids())
      if (rng.uniform() >= empty_share)
        bytes(source, target) =
            mean_bytes * popularity[target.index()] * std::exp(0.3 * rng.normal());
  return bytes;
}

}  // namespace moesim
