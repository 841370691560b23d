#include "sim/simulate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <numeric>

#include "sim/append_new.hpp"
#include "sim/base/check.hpp"
#include "sim/calibration/calibrated_cost.hpp"
#include "sim/counterfactual.hpp"
#include "sim/flop_utilization.hpp"
#include "sim/hot_spots.hpp"
#include "sim/launches.hpp"
#include "sim/link_report.hpp"
#include "sim/model/imbalance.hpp"
#include "sim/network_check.hpp"
#include "sim/offload.hpp"
#include "sim/pipeline.hpp"
#include "sim/pipeline_memory.hpp"
#include "sim/provenance.hpp"
#include "sim/run_recorder.hpp"
#include "sim/serve.hpp"
#include "sim/stretch.hpp"

namespace moesim {
namespace {

// Feeds the steps' layers to the engine and the engine's news to the recorder.
class StepProducer : public Producer {
 public:
  StepProducer(const Scenario& scenario, const Stretches& stretches, Offload* offload,
               Engine& engine, RunRecorder& recorder, const RunListener& listener)
      : scenario_(scenario),
        stretches_(stretches),
        offload_(offload),
        engine_(engine),
        recorder_(recorder),
        listener_(listener),
        steps_(scenario.workload.warmup_steps + scenario.workload.steps),
        host_(scenario.launching) {}

  std::optional<TaskGraph> next() override {
    if (step_ == steps_) {
      for (const auto& stretch : stretches_) stretch->rebalancer.stop();
      if (offload_) offload_->stop();
      return std::nullopt;
    }
    if (layer_ == 0 && step_ > 0)
      if (auto graph = between_steps()) return graph;
    if (layer_ < scenario_.model.layers) {
      const bool begins_step = layer_ == 0;
      return given(build_layer(layer_++), Piece::kLayer, begins_step);
    }
    TaskGraph rest = here().builder.build_rest(step_, carried_);
    if (!rest.nodes.empty()) return given(std::move(rest));
    layer_ = 0;
    between_ = Between::kExpansion;
    return given(here().builder.build_head(step_++), Piece::kStepEnd);
  }

  void done(int fragment, int node, GpuId gpu, Seconds) override {
    if (offload_) offload_->done(fragment, node, gpu);
  }

  void fragment_done(int fragment, Seconds time) override {
    if (offload_) offload_->fragment_done(fragment);
    const Piece piece = under_way_.front();
    under_way_.pop_front();
    if (piece == Piece::kRecovery) {
      recovering_.front()->recovered(time - last_done_);
      recovering_.pop_front();
    }
    last_done_ = time;
    if (piece != Piece::kStepEnd) return;
    recorder_.step_ended(ended_++, time);
    if (listener_.step_ended) listener_.step_ended(ended_, steps_);
  }

  void span(const Span& span) override {
    recorder_.span(span);
    if (listener_.span) listener_.span(span);
  }

  const HotSpotCandidates& hot_spots() const { return hot_spots_; }

 private:
  enum class Piece { kLayer, kStepEnd, kRecovery };
  // What is to be looked at before the next step: more experts, other GPUs, another map.
  enum class Between { kExpansion, kFailure, kMap, kNothing };

  Stretch& here() const { return *stretches_[current_]; }

  std::optional<TaskGraph> between_steps() {
    if (between_ == Between::kExpansion) {
      between_ = Between::kFailure;
      if (current_ + 1 < stretches_.size() && stretches_[current_ + 1]->first_step == step_) {
        between_ = Between::kNothing;
        hot_spots_ = {};
        const Stretch& before = here();
        ++current_;
        return recovery(enter_stretch(before, here()));
      }
    }
    if (between_ == Between::kFailure) {
      between_ = Between::kMap;
      Rebalancer& rebalancer = here().rebalancer;
      if (auto change = here().failover.between_steps(step_ - 1, *rebalancer.placement())) {
        rebalancer.adopt(step_ - 1, std::move(change->placement), std::move(change->dead));
        return recovery(std::move(change->recovery));
      }
    }
    if (between_ == Between::kMap) {
      between_ = Between::kNothing;
      if (auto graph = here().rebalancer.between_steps(step_ - 1, engine_))
        return given(std::move(*graph));
    }
    return std::nullopt;
  }

  TaskGraph recovery(TaskGraph graph) {
    recovering_.push_back(&here().failover);
    return given(std::move(graph), Piece::kRecovery);
  }

  TaskGraph given(TaskGraph graph, Piece piece = Piece::kLayer, bool begins_step = false) {
    under_way_.push_back(piece);
    ++given_;
    return host_.launch(std::move(graph), begins_step);
  }

  TaskGraph build_layer(int layer) {
    LayerLoad load;
    Stretch& now = here();
    TaskGraph graph = now.builder.build(step_, layer, *now.rebalancer.placement(), &load, carried_);
    if (load.gpu.empty()) return graph;
    recorder_.layer_built(step_, graph.layer, load);
    now.failover.layer_built(LayerId(graph.layer), load);
    now.rebalancer.layer_built(LayerId(graph.layer), load);
    hot_spots_.consider(step_, layer, load, now.rebalancer.placement());
    if (offload_) offload_->layer_built(given_, StepId(step_), LayerId(graph.layer), load, graph);
    return graph;
  }

  const Scenario& scenario_;
  const Stretches& stretches_;
  Offload* offload_ = nullptr;  // none: every expert has its slot
  Engine& engine_;
  RunRecorder& recorder_;
  const RunListener& listener_;
  int steps_ = 0;
  HostThread host_;
  int step_ = 0, layer_ = 0;  // to be built next
  Carried carried_;           // from that layer to the next
  int given_ = 0;             // fragments
  Between between_ = Between::kNothing;
  std::size_t current_ = 0;           // stretch
  std::deque<Failover*> recovering_;  // whose recoveries are under way
  int ended_ = 0;                     // steps
  std::deque<Piece> under_way_;
  Seconds last_done_;  // of a fragment
  HotSpotCandidates hot_spots_;
};

}  // namespace

RunResult simulate(const Scenario& scenario, const RunListener& listener,
                   const Counterfactual& counterfactual) {
  if (scenario.serves()) return simulate_serving(scenario, listener);
  const Cluster cluster =
      counterfactual.free_communication ? with_free_links(*scenario.cluster) : *scenario.cluster;
  const std::unique_ptr<CostModel> cost = kernel_costs(scenario, counterfactual);
  RunResult result{.scenario = scenario.name,
                   .seed = scenario.seed,
                   .gpus = cluster.gpus(),
                   .nodes = cluster.nodes(),
                   .output_per_token = scenario.workload.output_per_token()};
  RunRecorder recorder(scenario, scenario.workload.warmup_steps);
  const Stretches stretches =
      make_stretches(scenario_of_passes(scenario), *cost, [&](const Span& span) {
        recorder.span(span);
        if (listener.span) listener.span(span);
      });
  for (const auto& stretch : stretches) stretch->builder.leave_out(counterfactual);
  const Stretch& last = *stretches.back();
  IdVector<GpuId, double> memory(cluster.gpus());
  for (const auto& stretch : stretches) {
    const IdVector<GpuId, MemoryUse> use = check_memory(memory_of(scenario, *stretch));
    for (const GpuId gpu : memory.ids())
      memory[gpu] = std::max(memory[gpu], use[gpu].total().value);
  }

  Engine engine(cluster, scenario.network);
  const std::unique_ptr<Offload> offload =
      make_offload(last.scenario, *last.trace, *cost, last.builder, *last.rebalancer.placement(),
                   last.sizes, listener.span);
  StepProducer steps(scenario, stretches, offload.get(), engine, recorder, listener);
  std::optional<Pipeline> pipeline;
  if (is_pipelined(scenario))
    pipeline.emplace(scenario, last, *cost, engine, recorder, listener);
  else
    engine.add(steps);
  HotSpotProducer hot(last.scenario, last.builder,
                      pipeline ? pipeline->hot_spots() : steps.hot_spots());
  for (const auto& stretch : stretches) engine.add(stretch->rebalancer.background());
  if (offload) offload->start(engine, steps);
  const Seconds end = engine.run();
  const int run_steps =
      pipeline ? pipeline->steps() : scenario.workload.steps + scenario.workload.warmup_steps;
  result.links = report_links(engine.link_uses(), cluster, end, run_steps);
  recorder.finish(result);
  report_stretches(stretches, result);
  if (offload) offload->report(scenario.workload.warmup_steps, result);
  engine.add(hot);
  engine.run();
  result.hot = hot.take();
  const Fidelity fidelity = scenario.network.fidelity;
  if (fidelity == Fidelity::kAggregated || fidelity == Fidelity::kAnalytic)
    result.network_error =
        network_error(engine, last.scenario, last.builder, *last.rebalancer.placement());

  for (GpuRecord& gpu : result.gpu_records) gpu.memory_bytes = memory[GpuId(gpu.gpu)];
  add_temporary_copies(scenario, result);
  result.mfu = flop_utilization(scenario, result);
  for (const auto& stretch : stretches)
    append_new(result.warnings, stretch->failover.memory_warnings(memory_of(scenario, *stretch)));
  if (pipeline) append_new(result.warnings, pipeline_warnings(scenario));
  add_provenance(scenario, result);
  add_provenance(last, *cost, result);
  for (HeldOutError& error : unmeasured_kernels(scenario))
    result.errors.push_back(std::move(error));
  return result;
}

}  // namespace moesim
