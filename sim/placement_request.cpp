#include "sim/placement_request.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sim/model/memory.hpp"
#include "sim/model/port_rates.hpp"
#include "sim/placement/load_file.hpp"
#include "sim/run_memory.hpp"

namespace moesim {
namespace {

constexpr int kProfileSteps = 4;           // of the window that an offline placement sees
constexpr int kProfilePairTokens = 16384;  // of a step, over all GPUs, where pairs are counted

// 1 where NVLink goes; through NICs as much more as they are slower.
GpuDistance distance_on(const std::shared_ptr<const Cluster>& cluster) {
  const PortRates rates = port_rates(*cluster);
  const double far =
      rates.nic.value > 0 && rates.nvlink.value > 0 ? rates.nvlink.value / rates.nic.value : 1;
  return [cluster, far](GpuId source, GpuId target) {
    if (source == target) return 0.0;
    return cluster->same_domain(source, target) ? 1.0 : std::max(1.0, far);
  };
}

// What is left for experts of each rank's memory.
IdVector<GpuId, Bytes> expert_room(const Scenario& scenario, const LayerBuilder& builder) {
  const Cluster& cluster = *scenario.cluster;
  const Parallel& parallel = scenario.grid->parallel();
  const MemoryRequest request{.model = scenario.model,
                              .parallel = parallel,
                              .workload = scenario.workload,
                              .slots = IdVector<GpuId, int>(cluster.gpus()),
                              .buffers =
                                  [&](int tokens_per_gpu) {
                                    return builder.routing().exchange_buffers(
                                        tokens_per_gpu, scenario.model.experts);
                                  },
                              .activations = activations_of(scenario, builder),
                              .capacity = cluster.gpu().memory,
                              .gpus_per_node = cluster.gpus() / cluster.nodes(),
                              .spot = scenario.workload_spot};
  // Of whole experts, in the MoE layers of all stages.
  const double share = parallel.etp * parallel.pp;
  IdVector<GpuId, Bytes> room(scenario.grid->ranks());
  for (const GpuId gpu : room.ids()) {
    const MemoryUse use = memory_use(request, gpu);
    room[gpu] = Bytes(std::max(0.0, use.capacity.value - use.total().value) * share);
  }
  return room;
}

LoadWindow window_of_file(const Scenario& scenario, const WindowNeeds& needs) {
  const MoeModel& model = scenario.model;
  const Arguments& arguments = scenario.placement.arguments;
  LoadWindow window;
  std::vector<ExpertLoad> steps = read_load_history(arguments.existing_file("load"));
  window.load = sum_of(steps);
  if (static_cast<int>(window.load.rows()) != model.moe_layer_count() ||
      static_cast<int>(window.load.columns()) != model.experts)
    throw InputError(arguments.spot("load"),
                     fmt::format("the file has loads of {} layers of {} experts, {} has {} of {}",
                                 window.load.rows(), window.load.columns(), model.name,
                                 model.moe_layer_count(), model.experts));
  if (needs.steps > 0) window.detail.steps = std::move(steps);
  return window;
}

// Steps 0 .. of the trace's profiling window, counted.
LoadWindow counted_window(const Trace& trace, const WindowNeeds& needs, const MoeModel& model,
                          std::span<const int> tokens, Random random) {
  WindowCounter counter(needs, model.moe_layer_count(), model.experts);
  const int steps = needs.steps > 0 ? needs.steps : kProfileSteps;
  const RoutingDetail detail = needs.pairs() ? RoutingDetail::kIds : RoutingDetail::kCounts;
  for (int step = 0; step < steps; ++step) {
    counter.begin_step();
    for (const LayerId layer : IdRange<LayerId>(model.moe_layer_count()))
      counter.add(layer, trace.profile_route({.step = StepId(step),
                                              .layer = layer,
                                              .tokens = tokens,
                                              .detail = detail,
                                              .random = random}));
  }
  return counter.window();
}

// Without the loads of single steps, which the estimator has.
WindowNeeds pairs_and_sources(const WindowNeeds& needs) {
  return {.sources = needs.sources,
          .coactivation = needs.coactivation,
          .transitions = needs.transitions};
}

}  // namespace

PlacementRequest placement_site(const Scenario& scenario, const LayerBuilder& builder) {
  const std::shared_ptr<const Cluster>& ranks = scenario.grid->ranks_cluster();
  return {.gpus = ranks->gpus(),
          .nodes = ranks->nodes(),
          .groups = scenario.model.groups,
          .random = Random(scenario.seed),
          .distance = distance_on(ranks),
          .speed = IdVector<GpuId, double>(ranks->gpus(), 1.0),
          .expert_room = expert_room(scenario, builder),
          .expert_size = expert_bytes(scenario.model)};
}

LoadWindow offline_window(const Scenario& scenario, const Trace& trace, const WindowNeeds& needs) {
  const MoeModel& model = scenario.model;
  if (scenario.placement.arguments.given("load")) return window_of_file(scenario, needs);
  if (!needs.load) return {.load = ExpertLoad(model.moe_layer_count(), model.experts, 1.0)};
  // Of a rank: those of all GPUs that have its experts.
  const Grid& grid = *scenario.grid;
  std::vector<int> tokens =
      grid.brought(scenario.workload.tokens_per_gpu * grid.expert_replicas() * grid.parallel().etp);
  tokens.resize(static_cast<std::size_t>(grid.ranks()));
  const Random random(scenario.seed);
  LoadWindow window;
  if (needs.steps > 0 || needs.sources) {
    const WindowNeeds counts{.steps = needs.steps, .sources = needs.sources};
    window = counted_window(trace, counts, model, tokens, random);
  } else {
    window.load = trace.profile(kProfileSteps, tokens, random);
  }
  if (!needs.pairs()) return window;
  const int most = std::max(1, kProfilePairTokens / grid.ranks());
  for (int& count : tokens) count = std::min(count, most);
  LoadWindow pairs =
      counted_window(trace, {.coactivation = needs.coactivation, .transitions = needs.transitions},
                     model, tokens, random);
  window.detail.coactivation = std::move(pairs.detail.coactivation);
  window.detail.transitions = std::move(pairs.detail.transitions);
  return window;
}

PlacementRequest request_for(PlacementRequest site, LoadWindow window, const Placement* present) {
  site.load = std::move(window.load);
  site.detail = std::move(window.detail);
  site.present = present;
  return site;
}

Choice online_placement(const Scenario& scenario) {
  const Arguments& arguments = scenario.rebalance.arguments;
  if (!arguments.given("placement")) return scenario.placement;
  Mistakes mistakes;
  Choice choice = read_choice("placement", arguments.tree("placement"), mistakes);
  mistakes.throw_if_any();
  return choice;
}

OnlineWindow::OnlineWindow(const RebalanceOptions& options, const WindowNeeds& needs, int layers,
                           int experts, FutureWindow future)
    : needs_(needs),
      future_(std::move(future)),
      future_steps_(options.estimator == Estimator::kFuture ? options.window : 0),
      kept_(options.estimator == Estimator::kEma    ? options.decay
            : options.estimator == Estimator::kLast ? 0
                                                    : 1 - 1.0 / options.window),
      step_load_(layers, experts),
      estimate_(options, [future = future_](int step) { return future(step, 1, {}).load; }),
      counter_(pairs_and_sources(needs), layers, experts) {}

void OnlineWindow::layer_built(LayerId layer, const LayerLoad& load) {
  std::copy(load.expert.begin(), load.expert.end(), step_load_.row(layer).begin());
  if (!keeps_detail() || future_steps_ > 0) return;
  if (layer.value == 0) counter_.begin_step(kept_);
  counter_.add(layer, load.routing);
}

void OnlineWindow::step_ended(int step) { estimate_.add(step, step_load_); }

LoadWindow OnlineWindow::window(int step) const {
  LoadWindow window{.load = estimate_.load(step)};
  if (keeps_detail())
    window.detail = future_steps_ > 0
                        ? future_(step + 1, future_steps_, pairs_and_sources(needs_)).detail
                        : counter_.window().detail;
  if (needs_.steps > 0) window.detail.steps = estimate_.steps(step, needs_.steps);
  return window;
}

}  // namespace moesim
