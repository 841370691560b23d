#include "sim/simulate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <numeric>

#include "sim/base/check.hpp"
#include "sim/base/digest.hpp"
#include "sim/base/presets.hpp"
#include "sim/calibration/calibrated_cost.hpp"
#include "sim/hot_spots.hpp"
#include "sim/layer_builder.hpp"
#include "sim/link_report.hpp"
#include "sim/model/imbalance.hpp"
#include "sim/network_check.hpp"
#include "sim/offload.hpp"
#include "sim/placement_request.hpp"
#include "sim/rebalancer.hpp"
#include "sim/run_memory.hpp"
#include "sim/run_recorder.hpp"
#include "sim/trace/trace.hpp"

namespace moesim {
namespace {

// Creates the trace and checks that it fits the model. Throws InputError.
std::unique_ptr<Trace> open_trace(const Scenario& scenario) {
  std::unique_ptr<Trace> trace = Registry<Trace>::make(scenario.trace);
  Mistakes mistakes;
  trace->fit(scenario.model, mistakes);
  mistakes.throw_if_any();
  return trace;
}

// What the maps and the copies that are made during the run want to see of the routes.
RoutingDetail detail_for_copies(const Scenario& scenario) {
  if (offload_detail(scenario) == RoutingDetail::kIds) return RoutingDetail::kIds;
  if (Registry<Rebalance>::make(scenario.rebalance)->idle()) return RoutingDetail::kCounts;
  const auto maps = Registry<PlacementPolicy>::make(online_placement(scenario));
  return maps->needs().pairs() ? RoutingDetail::kIds : RoutingDetail::kCounts;
}

Placement make_placement(const Scenario& scenario, const Trace& trace, const PlacementRequest& site,
                         ExpertLoad& load) {
  const auto policy = Registry<PlacementPolicy>::make(scenario.placement);
  const PlacementRequest request =
      request_for(site, offline_window(scenario, trace, policy->needs()));
  load = request.load;
  return policy->place(request);
}

// Feeds the steps' layers to the engine and the engine's news to the recorder.
class StepProducer : public Producer {
 public:
  StepProducer(const Scenario& scenario, const LayerBuilder& builder, Rebalancer& rebalancer,
               Offload* offload, Engine& engine, RunRecorder& recorder, const RunListener& listener)
      : scenario_(scenario),
        builder_(builder),
        rebalancer_(rebalancer),
        offload_(offload),
        engine_(engine),
        recorder_(recorder),
        listener_(listener),
        steps_(scenario.workload.warmup_steps + scenario.workload.steps) {}

  std::optional<TaskGraph> next() override {
    if (step_ == steps_) {
      rebalancer_.stop();
      if (offload_) offload_->stop();
      return std::nullopt;
    }
    if (layer_ == 0 && step_ > 0 && !rebalanced_) {
      rebalanced_ = true;
      if (auto graph = rebalancer_.between_steps(step_ - 1, engine_))
        return given(std::move(*graph));
    }
    if (layer_ < scenario_.model.layers) return given(build_layer(layer_++));
    TaskGraph rest = builder_.build_rest(step_, carried_);
    if (!rest.nodes.empty()) return given(std::move(rest));
    layer_ = 0;
    rebalanced_ = false;
    return given(builder_.build_head(step_++), true);
  }

  void done(int fragment, int node, GpuId gpu, Seconds) override {
    if (offload_) offload_->done(fragment, node, gpu);
  }

  void fragment_done(int fragment, Seconds time) override {
    if (offload_) offload_->fragment_done(fragment);
    const bool ends_step = ends_step_.front();
    ends_step_.pop_front();
    if (!ends_step) return;
    recorder_.step_ended(ended_++, time);
    if (listener_.step_ended) listener_.step_ended(ended_, steps_);
  }

  void span(const Span& span) override {
    recorder_.span(span);
    if (listener_.span) listener_.span(span);
  }

  const HotSpotCandidates& hot_spots() const { return hot_spots_; }

 private:
  TaskGraph given(TaskGraph graph, bool ends_step = false) {
    ends_step_.push_back(ends_step);
    ++given_;
    return graph;
  }

  TaskGraph build_layer(int layer) {
    LayerLoad load;
    TaskGraph graph = builder_.build(step_, layer, *rebalancer_.placement(), &load, carried_);
    if (load.gpu.empty()) return graph;
    recorder_.layer_built(step_, graph.layer, load);
    rebalancer_.layer_built(LayerId(graph.layer), load);
    hot_spots_.consider(step_, layer, load, rebalancer_.placement());
    if (offload_) offload_->layer_built(given_, StepId(step_), LayerId(graph.layer), load, graph);
    return graph;
  }

  const Scenario& scenario_;
  const LayerBuilder& builder_;
  Rebalancer& rebalancer_;
  Offload* offload_ = nullptr;  // none: every expert has its slot
  Engine& engine_;
  RunRecorder& recorder_;
  const RunListener& listener_;
  int steps_ = 0;
  int step_ = 0, layer_ = 0;    // to be built next
  Carried carried_;             // from that layer to the next
  bool rebalanced_ = false;     // before that step
  int given_ = 0;               // fragments
  int ended_ = 0;               // steps
  std::deque<bool> ends_step_;  // of each fragment under way
  HotSpotCandidates hot_spots_;
};

double flop_utilization(const Scenario& scenario, const RunResult& result) {
  const Workload& workload = scenario.workload;
  const TokenBatch batch{.tokens = static_cast<double>(workload.tokens_per_gpu),
                         .context = workload.context,
                         .decode = workload.phase == WorkloadPhase::kDecode};
  double tokens = 0, seconds = 0;
  for (const StepRecord& step : result.steps) {
    tokens += static_cast<double>(step.tokens);
    seconds += step.seconds;
  }
  const double peak = scenario.cluster->gpu().peak_of(scenario.model.expert_dtype).value;
  return tokens * flops_per_token(scenario.model, batch) / (seconds * result.gpus * peak);
}

void append(std::vector<std::string>& all, const std::vector<std::string>& more) {
  for (const std::string& text : more)
    if (std::find(all.begin(), all.end(), text) == all.end()) all.push_back(text);
}

// Whether the placement was made for the trace's profiling window.
bool uses_profile(const Scenario& scenario) {
  return !scenario.placement.arguments.given("load") &&
         Registry<PlacementPolicy>::make(scenario.placement)->needs().load;
}

void fill_provenance(const Scenario& scenario, const Trace& trace, const CostModel& cost,
                     const LayerBuilder& builder, RunResult& result) {
  append(result.warnings, trace.notes());
  if (const std::string caution = builder.routing().gate().caution(); !caution.empty())
    append(result.warnings, {caution});
  if (const std::string caution = builder.routing().capacity().caution(scenario.model);
      !caution.empty())
    append(result.warnings, {caution});
  if (builder.routing().gate().needs() != RoutingDetail::kCounts && uses_profile(scenario))
    append(result.warnings, {"placement: its profiling window has the trace's routes, not the "
                             "gate's"});
  append(result.warnings, cost.warnings());
  result.errors = cost.errors();
  result.calibrations = cost.names();
  result.fidelity = to_string(scenario.network.fidelity);
  result.tolerance = scenario.network.tolerance;
  result.routing_detail = builder.routing().detail() == RoutingDetail::kCounts ? "counts" : "ids";
  for (const std::string& file : scenario.inputs)
    result.inputs.emplace_back(file, file_digest(file_of_shown(file)));
}

}  // namespace

RunResult simulate(const Scenario& scenario, const RunListener& listener) {
  const Cluster& cluster = *scenario.cluster;
  const std::unique_ptr<Trace> trace = open_trace(scenario);
  const std::unique_ptr<CostModel> cost = make_cost_model(scenario.calibration, cluster.gpu());
  const LayerBuilder builder(scenario, *trace, *cost, detail_for_copies(scenario));
  const PlacementRequest site = placement_site(scenario, builder);
  ExpertLoad load;
  Placement placement = make_placement(scenario, *trace, site, load);

  const std::optional<OffloadSizes> sizes = offload_sizes(scenario, *trace, builder, placement);
  const IdVector<GpuId, MemoryUse> memory = memory_of(scenario, placement, builder, sizes);

  RunResult result{.scenario = scenario.name,
                   .seed = scenario.seed,
                   .gpus = cluster.gpus(),
                   .nodes = cluster.nodes()};
  RunRecorder recorder(scenario, scenario.workload.warmup_steps);
  Engine engine(cluster, scenario.network);
  Rebalancer rebalancer(
      scenario, *cost, site, std::move(placement),
      [&](int first, int steps, const WindowNeeds& needs) {
        return builder.routing().routed_window(first, steps, needs, *rebalancer.placement());
      },
      [&](const Span& span) {
        recorder.span(span);
        if (listener.span) listener.span(span);
      });
  const std::unique_ptr<Offload> offload =
      make_offload(scenario, *trace, *cost, builder, *rebalancer.placement(), sizes, listener.span);
  StepProducer steps(scenario, builder, rebalancer, offload.get(), engine, recorder, listener);
  HotSpotProducer hot(scenario, builder, steps.hot_spots());
  engine.add(steps);
  engine.add(rebalancer.background());
  if (offload) offload->start(engine, steps);
  const Seconds end = engine.run();
  result.links = report_links(engine.link_uses(), cluster, end,
                              scenario.workload.steps + scenario.workload.warmup_steps);
  recorder.finish(result);
  rebalancer.report(scenario.workload.warmup_steps, result);
  if (offload) offload->report(scenario.workload.warmup_steps, result);
  engine.add(hot);
  engine.run();
  result.hot = hot.take();
  const Fidelity fidelity = scenario.network.fidelity;
  if (fidelity == Fidelity::kAggregated || fidelity == Fidelity::kAnalytic)
    result.network_error = network_error(engine, scenario, builder, *rebalancer.placement());

  for (GpuRecord& gpu : result.gpu_records) gpu.memory_bytes = memory[GpuId(gpu.gpu)].total().value;
  add_temporary_copies(scenario, result);
  result.mfu = flop_utilization(scenario, result);
  fill_provenance(scenario, *trace, *cost, builder, result);
  return result;
}

Preview preview(const Scenario& scenario) {
  const std::unique_ptr<Trace> trace = open_trace(scenario);
  const std::unique_ptr<CostModel> cost =
      make_cost_model(scenario.calibration, scenario.cluster->gpu());
  const LayerBuilder builder(scenario, *trace, *cost);
  ExpertLoad load;
  const Placement placement =
      make_placement(scenario, *trace, placement_site(scenario, builder), load);
  double most = 0;
  for (const MemoryUse& use :
       memory_of(scenario, placement, builder, offload_sizes(scenario, *trace, builder, placement)))
    most = std::max(most, use.total().value);
  Preview preview{
      .memory_bytes_max = most,
      .memory_bytes_limit = scenario.cluster->gpu().memory.value,
      .routing_detail = builder.routing().detail() == RoutingDetail::kCounts ? "counts" : "ids",
      .routes_per_step = static_cast<double>(scenario.workload.tokens_per_gpu) *
                         scenario.grid->stage_gpus() * scenario.model.top_k *
                         scenario.model.moe_layer_count(),
      .warnings = trace->notes()};
  double sum = 0;
  for (LayerId layer : placement.layers.ids())
    sum += max_over_mean(predicted_gpu_load(placement.layers[layer], load.row(layer)).raw());
  preview.predicted_gpu_max_over_mean = sum / static_cast<double>(placement.layers.size());
  return preview;
}

}  // namespace moesim
