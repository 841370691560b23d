#include "sim/run_recorder.hpp"

#include <algorithm>

#include "sim/base/check.hpp"
#include "sim/model/imbalance.hpp"

namespace moesim {
namespace {

ImbalanceRecord imbalance_of(const std::vector<double>& gpus, const LayerLoad& load) {
  return {.gpu_max_over_mean = max_over_mean(gpus),
          .expert_max_over_mean = max_over_mean(load.expert),
          .gpu_cv = coefficient_of_variation(gpus),
          .gpu_gini = gini(gpus),
          .balancedness_sglang = balancedness_sglang(gpus)};
}

void add(ImbalanceRecord& sum, const ImbalanceRecord& other) {
  sum.gpu_max_over_mean += other.gpu_max_over_mean;
  sum.expert_max_over_mean += other.expert_max_over_mean;
  sum.gpu_cv += other.gpu_cv;
  sum.gpu_gini += other.gpu_gini;
  sum.balancedness_sglang += other.balancedness_sglang;
}

void divide_by(ImbalanceRecord& sum, double count) {
  if (count <= 0) return;
  for (double* value : {&sum.gpu_max_over_mean, &sum.expert_max_over_mean, &sum.gpu_cv,
                        &sum.gpu_gini, &sum.balancedness_sglang})
    *value /= count;
}

void add(std::vector<double>& sum, const std::vector<double>& values) {
  if (sum.size() < values.size()) sum.resize(values.size());  // experts may become more
  for (std::size_t i = 0; i < values.size(); ++i) sum[i] += values[i];
}

int index_of_largest(const std::vector<double>& values) {
  return static_cast<int>(std::max_element(values.begin(), values.end()) - values.begin());
}

void add(CommunicationRecord& sum, const CommunicationRecord& other, double weight) {
  for (std::size_t phase = 0; phase < sum.hidden.size(); ++phase) {
    sum.under_way[phase] += weight * other.under_way[phase];
    sum.hidden[phase] += weight * other.hidden[phase];
  }
  sum.any_under_way += weight * other.any_under_way;
  sum.any_hidden += weight * other.any_hidden;
}

}  // namespace

RunRecorder::RunRecorder(const Scenario& scenario, int warmup_steps)
    : scenario_(scenario),
      warmup_(warmup_steps),
      intervals_(static_cast<std::size_t>(scenario.cluster->gpus())),
      gpus_(static_cast<std::size_t>(scenario.cluster->gpus())),
      layers_(scenario.model.moe_layers.size()) {}

// Without MoE layers nobody says how many tokens a step has.
StepRecord& RunRecorder::record_of(int step) {
  while (static_cast<int>(steps_.size()) <= step) {
    steps_.push_back({.step = static_cast<int>(steps_.size()) - warmup_});
    if (layers_.empty()) {
      const Grid& grid = *scenario_.grid;
      const Workload& work = scenario_.workload;
      steps_.back().tokens =
          std::int64_t{1} * work.pass_tokens() * work.micro_batches * grid.stage_gpus();
      steps_.back().live_gpus = grid.cluster().gpus();
    }
    layers_seen_.push_back(0);
  }
  return steps_[static_cast<std::size_t>(step)];
}

void RunRecorder::layer_built(int step, int moe_layer, const LayerLoad& load) {
  StepRecord& record = record_of(step);
  const std::vector<double> live = live_gpu_load(load);
  const ImbalanceRecord imbalance = imbalance_of(live, load);
  add(record.imbalance, imbalance);
  ++layers_seen_[static_cast<std::size_t>(step)];
  record.vllm_mean += mean(live);
  record.vllm_max += maximum(live);
  if (moe_layer == 0) record.tokens += load.tokens;  // once for each micro-batch
  record.live_gpus = static_cast<int>(gpus_.size() - load.dead.size());
  record.redirected_routes += load.masked.redirected;
  record.lost_routes += load.masked.lost;
  record.moved_tokens = load.moved_tokens;
  record.lost_tokens = load.lost_tokens;
  record.routes += load.routes;
  record.dropped_routes += load.dropped_routes;
  if (load.dropped_tokens < 0) record.dropped_tokens_known = false;
  record.dropped_tokens += load.dropped_tokens;
  record.rows += load.rows;
  add(record.gate, load.gate);
  record.rerouted_routes += load.rerouted_routes;
  exchanged(step, load);
  record.migration_bytes += load.migration_bytes;
  temporary_copies_.resize(std::max(temporary_copies_.size(), load.copies.size()));
  for (std::size_t g = 0; g < load.copies.size(); ++g)
    temporary_copies_[g] = std::max(temporary_copies_[g], load.copies[g]);
  if (!measured(step)) return;
  LayerTotals& layer = layers_[static_cast<std::size_t>(moe_layer)];
  add(layer.imbalance, imbalance);
  ++layer.loads;
  add(layer.gpu, load.gpu);
  add(layer.expert, load.expert);
  for (const ExpertRows& own : load.on_gpu) layer.on_gpu[{own.gpu, own.expert}] += own.rows;
  layer.dropped += load.dropped_routes;
  layer.travelling += load.travelling_experts;
  for (std::size_t g = 0; g < load.gpu.size(); ++g)
    gpus_[static_cast<std::size_t>(load.first_gpu) + g].routes += load.gpu[g];
  layer.first_gpu = load.first_gpu;
}

void RunRecorder::exchanged(int step, const LayerLoad& load) {
  StepRecord& record = steps_[static_cast<std::size_t>(step)];
  record.nvlink_bytes += load.nvlink_bytes;
  record.network_bytes += load.network_bytes;
}

void RunRecorder::close_layer_times(int step) {
  for (LayerTotals& layer : layers_) {
    while (!layer.open.empty() && layer.open.begin()->first.first <= step) {
      const auto [begin, end] = layer.open.begin()->second;
      if (measured(layer.open.begin()->first.first)) layer.seconds += end - begin;
      layer.open.erase(layer.open.begin());
    }
  }
}

void RunRecorder::span(const Span& span) {
  intervals_[span.gpu.index()].push_back(
      {span.begin.value, span.end.value, span.stream, span.phase});
  if (span.layer < 0 || span.stream == kHostStream) return;
  LayerTotals& layer = layers_[static_cast<std::size_t>(span.layer)];
  const std::pair whole(span.begin.value, span.end.value);
  auto& [begin, end] = layer.open.try_emplace({span.step, span.pass}, whole).first->second;
  begin = std::min(begin, whole.first);
  end = std::max(end, whole.second);
}

void RunRecorder::step_ended(int step, Seconds time) {
  MOESIM_CHECK(static_cast<std::size_t>(step) == ends_.size(), "steps end in their order");
  ends_.push_back(time.value);
  close_layer_times(step);
  if (ends_.size() >= 2) close_step(ends_.size() - 2);
}

void RunRecorder::close_step(std::size_t index) {
  if (index < closed_) return;
  closed_ = index + 1;
  StepRecord& record = record_of(static_cast<int>(index));
  const double from = index == 0 ? 0 : ends_[index - 1];
  const double to = ends_[index];
  record.seconds = to - from;
  divide_by(record.imbalance, layers_seen_[index]);
  const auto gpus = static_cast<double>(intervals_.size());
  for (std::size_t g = 0; g < intervals_.size(); ++g) {
    const PhaseSeconds seconds = divide_time(intervals_[g], from, to);
    add(record.communication, communication_in(intervals_[g], from, to), 1 / gpus);
    std::erase_if(intervals_[g], [&](const PhaseInterval& kept) { return kept.end <= to; });
    for (std::size_t phase = 0; phase < seconds.size(); ++phase) {
      record.breakdown[phase] += seconds[phase] / gpus;
      if (measured(static_cast<int>(index))) gpus_[g].breakdown[phase] += seconds[phase];
    }
  }
}

void RunRecorder::finish(RunResult& result) {
  if (!ends_.empty()) close_step(ends_.size() - 1);
  const double steps = static_cast<double>(ends_.size()) - warmup_;
  result.temporary_copies = temporary_copies_;
  for (std::size_t i = static_cast<std::size_t>(warmup_); i < ends_.size(); ++i)
    result.steps.push_back(steps_[i]);
  for (std::size_t l = 0; l < layers_.size(); ++l) {
    LayerTotals& layer = layers_[l];
    divide_by(layer.imbalance, layer.loads);
    result.layers.push_back({.layer = static_cast<int>(l),
                             .model_layer = scenario_.model.moe_layers[l],
                             .seconds = layer.seconds / steps,
                             .imbalance = layer.imbalance,
                             .hottest_gpu = layer.first_gpu + index_of_largest(layer.gpu),
                             .hottest_expert = index_of_largest(layer.expert),
                             .dropped_routes = layer.dropped,
                             .travelling_experts = layer.travelling / steps});
    for (const auto& [place, rows] : layer.on_gpu)
      result.expert_loads.push_back({.layer = static_cast<int>(l),
                                     .gpu = place.first,
                                     .expert = place.second,
                                     .rows = rows / steps});
  }
  for (std::size_t g = 0; g < gpus_.size(); ++g) {
    GpuRecord& gpu = gpus_[g];
    gpu.gpu = static_cast<int>(g);
    gpu.node = scenario_.cluster->node_of(GpuId(g)).value;
    double all = 0, busy = 0;
    for (std::size_t phase = 0; phase < gpu.breakdown.size(); ++phase) {
      all += gpu.breakdown[phase];
      if (is_work(static_cast<Phase>(phase))) busy += gpu.breakdown[phase];
      gpu.breakdown[phase] /= steps;
    }
    gpu.busy = all > 0 ? busy / all : 0;
    gpu.routes /= steps;
    result.gpu_use += gpu.busy / static_cast<double>(gpus_.size());
    result.gpu_records.push_back(gpu);
  }
}

}  // namespace moesim
