// What a simulated step costs: CPU seconds of a child process, because SimGrid allows one
// simulation in each. The time shown is CPU time of the whole engine run, not of building the
// matrices.
#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include "tests/support/engine_runs.hpp"

namespace moesim {
namespace {

constexpr int kLayers = 58;  // MoE layers of DeepSeek-V3
constexpr double kRowBytes = 7168;

double cpu_seconds() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double peak_megabytes() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) * 1024e-6;
}

// 4,096 tokens × top-8 of each GPU over Zipf(0.5) popular experts, with noise for each source.
ByteMatrix token_matrix(int gpus, int seed) {
  const int experts = std::max(256, gpus), routes = 4096 * 8;
  Rng popular(static_cast<std::uint64_t>(seed), Purpose::kPopularity);
  std::vector<int> rank(static_cast<std::size_t>(experts));
  for (int expert = 0; expert < experts; ++expert) {
    const int swapped = popular.below(expert + 1);
    rank[static_cast<std::size_t>(expert)] = rank[static_cast<std::size_t>(swapped)];
    rank[static_cast<std::size_t>(swapped)] = expert;
  }
  ByteMatrix bytes(gpus, gpus);
  for (const GpuId source : bytes.row_ids()) {
    Rng rng(static_cast<std::uint64_t>(seed), Purpose::kRouting, 0, 0,
            static_cast<std::uint32_t>(source.value));
    std::vector<double> share(static_cast<std::size_t>(gpus), 0);
    double sum = 0;
    for (int expert = 0; expert < experts; ++expert) {
      const double weight =
          std::pow(rank[static_cast<std::size_t>(expert)] + 1, -0.5) * std::exp(0.3 * rng.normal());
      share[static_cast<std::size_t>(expert * gpus / experts)] += weight;
      sum += weight;
    }
    int left = routes;
    for (const GpuId target : bytes.column_ids()) {
      const int count = rng.binomial(left, std::min(1.0, share[target.index()] / sum));
      bytes(source, target) = kRowBytes * count;
      left -= count;
      sum -= share[target.index()];
    }
  }
  return bytes;
}

ByteMatrix transposed(const ByteMatrix& bytes) {
  ByteMatrix result(bytes.columns(), bytes.rows());
  for (const GpuId row : bytes.row_ids())
    for (const GpuId column : bytes.column_ids()) result(column, row) = bytes(row, column);
  return result;
}

Exchange exchange_of(ByteMatrix bytes, Phase phase) {
  Exchange exchange;
  exchange.legs.push_back({.bytes = std::move(bytes)});
  exchange.phase = phase;
  return exchange;
}

// Dispatch, experts, combine; ranks are only held together by the tokens they wait for.
class StepProducer final : public RecordingProducer {
 public:
  StepProducer(int gpus, int layers) : gpus_(gpus), layers_(layers) {
    for (int seed = 0; seed < 4; ++seed) {
      dispatch_.push_back(token_matrix(gpus, seed));
      combine_.push_back(transposed(dispatch_.back()));
    }
  }
  std::optional<TaskGraph> next() final {
    if (layer_ == layers_) return std::nullopt;
    const std::size_t which = static_cast<std::size_t>(layer_ % 4);
    TaskGraph graph{.layer = layer_++};
    Compute experts{.time = IdVector<GpuId, KernelTime>(gpus_)};
    for (const GpuId target : experts.time.ids()) {
      double tokens = 0;
      for (const GpuId source : experts.time.ids())
        tokens += dispatch_[which](source, target) / kRowBytes;
      experts.time[target].compute = Seconds(20e-6 + 30e-9 * tokens);
    }
    const int sent = graph.add(exchange_of(dispatch_[which], Phase::kDispatch));
    const int computed = graph.add(std::move(experts), {sent});
    graph.add(exchange_of(combine_[which], Phase::kCombine), {computed});
    return graph;
  }
  void done(int, int, GpuId, Seconds) final {}
  void span(const Span&) final {}

 private:
  int gpus_ = 0, layers_ = 0, layer_ = 0;
  std::vector<ByteMatrix> dispatch_, combine_;
};

void measure(benchmark::State& state, const NetworkOptions& options, const Cluster& cluster,
             const std::function<std::unique_ptr<Producer>()>& make) {
  std::vector<double> numbers;
  for (auto _ : state) {
    numbers = in_child([&] {
      const auto producer = make();
      const double begin = cpu_seconds();
      Engine engine(cluster, options);
      engine.add(*producer);
      const double simulated = engine.run().value;
      return std::vector<double>{cpu_seconds() - begin, simulated, peak_megabytes()};
    });
    state.SetIterationTime(numbers.at(0));
  }
  state.counters["simulated_ms"] = 1e3 * numbers.at(1);
  state.counters["peak_MB"] = numbers.at(2);
}

void step(benchmark::State& state, const NetworkOptions& options) {
  const int gpus = static_cast<int>(state.range(0));
  const Cluster cluster = build_cluster(test_spec(gpus / 8), "rail_optimized");
  measure(state, options, cluster, [&] { return std::make_unique<StepProducer>(gpus, kLayers); });
}

void uniform(benchmark::State& state, const NetworkOptions& options) {
  const int gpus = static_cast<int>(state.range(0));
  const Cluster cluster = build_cluster(test_spec(gpus / 8), "rail_optimized");
  measure(state, options, cluster, [&] {
    auto producer = std::make_unique<RecordingProducer>();
    producer->fragments.push_back(
        exchange_graph(exchange_of(ByteMatrix(gpus, gpus, 1024.0 * 1024), Phase::kDispatch)));
    return producer;
  });
}

const NetworkOptions kExact{.fidelity = Fidelity::kFluid, .tolerance = 0};
const NetworkOptions kDefault{.fidelity = Fidelity::kFluid, .tolerance = 0.003};
const NetworkOptions kFluid{.fidelity = Fidelity::kFluid, .tolerance = 0.01};
const NetworkOptions kAggregated{.fidelity = Fidelity::kAggregated, .tolerance = 0.01};
const NetworkOptions kAnalytic{.fidelity = Fidelity::kAnalytic};

#define MOESIM_BENCHMARK(function, options) \
  BENCHMARK_CAPTURE(function, options, k##options)->UseManualTime()->Unit(benchmark::kMillisecond)

MOESIM_BENCHMARK(step, Fluid)->Arg(64)->Arg(256)->Iterations(1);
MOESIM_BENCHMARK(step, Default)->Arg(64)->Iterations(1);
MOESIM_BENCHMARK(step, Aggregated)->Arg(64)->Arg(256)->Iterations(1);
MOESIM_BENCHMARK(step, Analytic)->Arg(64)->Arg(256)->Iterations(1);
MOESIM_BENCHMARK(step, Exact)->Arg(64)->Iterations(1);
MOESIM_BENCHMARK(uniform, Fluid)->RangeMultiplier(4)->Range(64, 1024)->Iterations(1);

}  // namespace
}  // namespace moesim
