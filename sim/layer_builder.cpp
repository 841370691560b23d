#include "sim/layer_builder.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "sim/base/check.hpp"
#include "sim/counterfactual.hpp"
#include "sim/exchange/library.hpp"
#include "sim/model/collective_exchange.hpp"
#include "sim/shared_parts.hpp"

namespace moesim {
namespace {

// What goes to (dispatch) or comes from (combine) one GPU, scaled.
void scale_gpu(Exchange& exchange, GpuId gpu, double factor, bool incoming) {
  for (ExchangeLeg& leg : exchange.legs) {
    for (GpuId other : leg.bytes.row_ids())
      (incoming ? leg.bytes(other, gpu) : leg.bytes(gpu, other)) *= factor;
  }
}

// A GPU's rows, and what comes and goes for them, at the mean over the layer's GPUs.
void even_out(RoutedLayer& routed, GpuId gpu) {
  const std::vector<double>& load = routed.load.gpu;
  std::vector<int>& rows = routed.rows[gpu];
  std::vector<int>& copies = routed.copy_rows[gpu];
  const double own = routed.rows_on(gpu);
  if (!(own > 0)) return;
  const double mean =
      std::accumulate(load.begin(), load.end(), 0.0) / static_cast<double>(load.size());
  const double factor = mean / own;
  for (std::vector<int>* counts : {&rows, &copies})
    for (int& count : *counts) count = static_cast<int>(std::lround(count * factor));
  routed.received[gpu] *= factor;
  if (routed.dispatch) scale_gpu(*routed.dispatch, gpu, factor, true);
  if (routed.combine) scale_gpu(*routed.combine, gpu, factor, false);
}

// Of the counts of routes that a choice of replicas needs.
Exchange all_reduce(const ReplicaWork& work, const Grid& grid, int stage, const CostModel& cost) {
  if (work.counts_time)
    return {.start_up = *work.counts_time,
            .rendezvous = true,
            .wait_for = WaitFor::kAll,
            .phase = Phase::kGate};
  std::vector<Collective> counts;
  for (const ExpertGroup& group : grid.expert_groups(stage))
    counts.push_back({.group = group.members, .size = work.counts, .phase = Phase::kGate});
  return expand(counts, grid.cluster(), cost);
}

}  // namespace

LayerBuilder::LayerBuilder(const Scenario& scenario, const Trace& trace, const CostModel& cost,
                           const EventTimeline& timeline, RoutingDetail also_needed)
    : scenario_(scenario),
      cost_(cost),
      grid_(*scenario.grid),
      timeline_(timeline),
      dense_(scenario, cost),
      routing_(scenario, trace, cost, timeline, also_needed),
      overlap_(Registry<Overlap>::make(scenario.overlap)),
      moe_index_(static_cast<std::size_t>(scenario.model.layers), -1),
      batches_(overlap_->split(scenario.workload)),
      decode_(scenario.workload.decode()) {
  for (std::size_t i = 0; i < scenario.model.moe_layers.size(); ++i)
    moe_index_[static_cast<std::size_t>(scenario.model.moe_layers[i])] = static_cast<int>(i);
}

void LayerBuilder::set_batch(IdVector<GpuId, Sequences> sequences, const Workload& work,
                             std::vector<double> classes) {
  MOESIM_CHECK(grid_.stages() == 1, "stages have the workload's own batches");
  brought_.clear();
  for (const Sequences& own : sequences)
    brought_.push_back(static_cast<int>(std::lround(new_tokens(own))));
  routing_.set_tokens(brought_, std::move(classes));
  dense_.set_sequences(std::move(sequences));
  batches_ = overlap_->split(work);
  decode_ = work.decode();
}

// A solver as memory time: it is a few blocks that wait for each other, and no loss of SMs slows
// it.
void LayerBuilder::add_gate(const LayerPlacement& placement, int stage, const TokenRanges& tokens,
                            LayerParts& parts) const {
  append(parts.gate, dense_.router(stage, tokens));
  const ReplicaWork work = routing_.choice(placement);
  if (work.counts.value > 0 && grid_.ranks() > 1)
    parts.gate.push_back({all_reduce(work, grid_, stage, cost_), "counts of routes"});
  if (work.solve.value > 0)
    append(parts.gate,
           dense_.kernel({.memory = work.solve}, Phase::kGate, stage, "choice of replicas"));
}

KernelTime LayerBuilder::experts_time(std::span<const int> rows, double input_tokens,
                                      double usual_rows) const {
  return cost_.experts(
      expert_work(scenario_.model, rows, input_tokens, usual_rows, grid_.parallel().etp));
}

// In kernels of their own: a GPU computes first what is there first. A GPU's tokens are input of
// both in the proportion of their rows.
void LayerBuilder::add_copies(RoutedLayer& routed, IdVector<GpuId, double>& input,
                              LayerParts& parts) const {
  BatchCopies& copies = *routed.copies;
  PartTimes times(grid_.cluster().gpus());
  bool idle = !copies.weights.between_gpus && !copies.weights.from_hosts;
  for (const GpuId gpu : times.ids()) {
    const std::vector<int>& rows = routed.copy_rows[gpu];
    const double copied = std::accumulate(rows.begin(), rows.end(), 0.0);
    if (!(copied > 0)) continue;
    idle = false;
    const double own = input[gpu] * copied / routed.rows_on(gpu);
    input[gpu] -= own;
    times[gpu] = experts_time(rows, own, routed.usual_rows);
  }
  if (idle) return;  // a turn without them
  TravellingExperts& travelling = parts.travelling.emplace();
  travelling.before_gate = copies.before_gate;
  travelling.receive = copies.layer.copies_receive;
  if (copies.weights.between_gpus)
    travelling.weights.push_back({std::move(*copies.weights.between_gpus), "weights"});
  if (copies.weights.from_hosts)
    travelling.weights.push_back({std::move(*copies.weights.from_hosts), "weights"});
  travelling.experts.push_back(
      {Compute{.time = std::move(times), .phase = Phase::kExperts}, "travelling experts"});
}

// `dense` of the tokens of a GPU are in this batch's dense parts, its shared experts among them.
void LayerBuilder::add_experts(RoutedLayer& routed, int stage, const TokenRanges& tokens,
                               const TokenRanges& dense, LayerParts& parts) const {
  IdVector<GpuId, double> input = routed.received;  // of a GPU's kernel
  const GpuGroups& together =
      grid_.parallel().scattered ? grid_.shard_groups(stage) : grid_.tensor_groups(stage);
  for (const std::vector<GpuId>& group : together) {
    double sum = 0;
    for (const GpuId gpu : group) sum += routed.received[gpu];
    for (const GpuId gpu : group) input[gpu] = sum;
  }
  if (routed.copies) add_copies(routed, input, parts);
  const int fused = grid_.parallel().fused_shared ? scenario_.model.shared_experts : 0;
  const IdVector<GpuId, double> shared_tokens = dense_.tokens_of_router(stage, dense);
  PartTimes times(grid_.cluster().gpus());
  for (const GpuId gpu : times.ids()) {
    if (grid_.stage_of(gpu) != stage || !grid_.parallel().holds_experts(gpu)) continue;
    std::vector<int> rows = routed.rows[gpu];
    const int shared = fused > 0 ? static_cast<int>(shared_tokens[gpu]) : 0;
    if (shared > 0) rows.insert(rows.end(), static_cast<std::size_t>(fused), shared);
    times[gpu] = experts_time(rows, input[gpu] + shared, routed.usual_rows);
  }
  parts.experts.push_back({Compute{.time = std::move(times), .phase = Phase::kExperts}});
  if (routed.dispatch) parts.dispatch.push_back({std::move(*routed.dispatch)});
  if (routed.combine) parts.combine.push_back({std::move(*routed.combine)});
  share_experts(routed, stage, tokens, parts);
}

// What the shards of a rank received is gathered, and what they computed is added up and scattered.
void LayerBuilder::share_experts(const RoutedLayer& routed, int stage, const TokenRanges& tokens,
                                 LayerParts& parts) const {
  if (!grid_.parallel().scattered) {
    append(parts.combine,
           sum_tokens(grid_.tensor_groups(stage), dense_.rows(tokens), grid_, cost_));
    return;
  }
  const GpuGroups& groups = grid_.shard_groups(stage);
  if (groups.front().size() < 2) return;
  IdVector<GpuId, double> bytes = routed.received;
  for (double& size : bytes) size *= bf16_row(scenario_.model);
  append(parts.dispatch, collective_of(CollectiveKind::kAllGather, groups, bytes, grid_, cost_));
  append(parts.experts, collective_of(CollectiveKind::kReduceScatter, groups, bytes, grid_, cost_));
}

std::vector<LayerParts> LayerBuilder::parts_of(int step, int layer, const Placement& placement,
                                               LayerLoad* load,
                                               std::optional<Evened> evened) const {
  const int stage = grid_.stage_of_layer(layer, scenario_.model.layers);
  const TokenRanges all = tokens_at(step);
  const LayerParts empty{
      .step = step, .layer = moe_index_[static_cast<std::size_t>(layer)], .decode = decode_};
  if (empty.layer < 0) {
    std::vector<LayerParts> whole = {empty};
    dense_.add_attention(layer, all, whole.front());
    dense_.add_ffn(stage, all, whole.front());
    return whole;
  }
  const LayerPlacement& slots = placement.layers[LayerId(empty.layer)];
  std::vector<RoutedLayer> routed = routing_.route(step, LayerId(empty.layer), slots, batches_);
  std::vector<LayerParts> batches(routed.size(), empty);
  for (std::size_t i = 0; i < routed.size(); ++i) {
    const bool whole = routed.size() == 1 || batches_.peer_group > 0;
    const TokenRanges tokens = whole ? all : tokens_of_batch(all, batches_, i);
    const bool has_dense = batches_.attention || i == 0;
    const TokenRanges dense = !has_dense           ? TokenRanges(all.size())
                              : batches_.attention ? tokens
                                                   : all;
    if (has_dense) {
      dense_.add_attention(layer, dense, batches[i]);
      add_gate(slots, stage, dense, batches[i]);
      batches[i].shared = dense_.shared_experts(stage, dense);
    }
    if (counterfactual_.balanced_loads) balance_loads(routed[i], grid_, stage, timeline_.at(step));
    if (evened) even_out(routed[i], evened->gpu);
    add_experts(routed[i], stage, tokens, dense, batches[i]);
  }
  if (load == nullptr) return batches;
  *load = std::move(routed.front().load);
  for (std::size_t i = 1; i < routed.size(); ++i) add(*load, std::move(routed[i].load));
  // Of the first batch; whoever asks for these has no other.
  load->rows_of = std::move(routed.front().rows);
  load->received = std::move(routed.front().received);
  load->usual_rows = routed.front().usual_rows;
  return batches;
}

TaskGraph LayerBuilder::build(int step, int layer, const Placement& placement, LayerLoad* load,
                              Carried& carried) const {
  return conditioned(overlap_->build(parts_of(step, layer, placement, load, {}), carried), layer);
}

TaskGraph LayerBuilder::build_alone(int step, int layer, const Placement& placement,
                                    LayerLoad* load, std::optional<Evened> evened) const {
  Carried carried;
  TaskGraph graph = overlap_->build(parts_of(step, layer, placement, load, evened), carried);
  return conditioned(joined(std::move(graph), overlap_->finish(carried)), layer);
}

TaskGraph LayerBuilder::build_rest(int step, Carried& carried) const {
  TaskGraph graph = overlap_->finish(carried);
  graph.step = step;
  return conditioned(std::move(graph), scenario_.model.layers + 1);
}

TaskGraph LayerBuilder::build_head(int step) const {
  TaskGraph graph{.step = step};
  add_part(graph, dense_.logits(tokens_at(step)), {});
  return conditioned(std::move(graph), scenario_.model.layers);
}

}  // namespace moesim
