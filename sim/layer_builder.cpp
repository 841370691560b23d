#include "sim/layer_builder.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "sim/base/check.hpp"
#include "sim/model/collective_exchange.hpp"

namespace moesim {
namespace {

constexpr double kMostRoutesByIds = 4e6;  // a step; above, `routing: auto` draws counts

RoutingDetail choose_detail(const Scenario& scenario, RoutingDetail needed,
                            RoutingDetail preferred) {
  switch (scenario.workload.routing) {
    case RoutingChoice::kIds:
      return std::max(needed, RoutingDetail::kIds);
    case RoutingChoice::kCounts:
      return needed;
    case RoutingChoice::kAuto:
      break;
  }
  const double routes = static_cast<double>(scenario.workload.tokens_per_gpu) *
                        scenario.cluster->gpus() * scenario.model.top_k *
                        scenario.model.moe_layer_count();
  return routes <= kMostRoutesByIds ? std::max(needed, preferred) : needed;
}

double row_sum(const IdMatrix<GpuId, SlotId, int>& routes, SlotId slot) {
  double sum = 0;
  for (GpuId source : routes.row_ids()) sum += routes(source, slot);
  return sum;
}

// Rows of each slot: routes, and what padding adds, shared evenly by an expert's replicas, up to a
// multiple.
std::vector<int> slot_rows(const Assignment& assignment, const ExpertCounts& padding,
                           const LayerPlacement& placement, int multiple) {
  std::vector<int> rows(static_cast<std::size_t>(placement.slots()));
  for (SlotId slot : IdRange<SlotId>(placement.slots())) {
    double count = row_sum(assignment.routes, slot);
    if (!padding.empty()) {
      const ExpertId expert = placement.expert_of[slot];
      double extra = 0;
      for (GpuId source : padding.row_ids()) extra += padding(source, expert);
      count += extra / static_cast<double>(placement.slots_of[expert].size());
    }
    const int exact = static_cast<int>(std::lround(count));
    rows[slot.index()] = (exact + multiple - 1) / multiple * multiple;
  }
  return rows;
}

void count_bytes(const Exchange& exchange, const Cluster& cluster, LayerLoad& load) {
  for (const ExchangeLeg& leg : exchange.legs) {
    for (GpuId source : leg.bytes.row_ids()) {
      const auto row = leg.bytes.row(source);
      for (GpuId target : leg.bytes.column_ids()) {
        const double bytes = row[target.index()];
        if (bytes <= 0 || source == target) continue;
        (cluster.same_domain(source, target) ? load.nvlink_bytes : load.network_bytes) += bytes;
      }
    }
  }
}

// What goes to (dispatch) or comes from (combine) one GPU, scaled.
void scale_gpu(Exchange& exchange, GpuId gpu, double factor, bool incoming) {
  for (ExchangeLeg& leg : exchange.legs) {
    for (GpuId other : leg.bytes.row_ids())
      (incoming ? leg.bytes(other, gpu) : leg.bytes(gpu, other)) *= factor;
  }
}

// Of the counts of routes that a choice of replicas needs.
Exchange all_reduce(const ReplicaWork& work, const Cluster& cluster, const CostModel& cost) {
  if (work.counts_time)
    return {.start_up = *work.counts_time,
            .rendezvous = true,
            .wait_for = WaitFor::kAll,
            .phase = Phase::kGate};
  Collective counts{.size = work.counts, .phase = Phase::kGate};
  for (const GpuId gpu : IdRange<GpuId>(cluster.gpus())) counts.group.push_back(gpu);
  return expand({&counts, 1}, cluster, cost);
}

}  // namespace

struct LayerBuilder::Routed {
  GateRecord gate;
  Admission admission;
  Assignment assignment;
  ExchangePlan plan;
  std::vector<int> rows;         // of each slot
  std::vector<double> gpu_rows;  // routes of each GPU
};

LayerBuilder::LayerBuilder(const Scenario& scenario, const Trace& trace, const CostModel& cost,
                           RoutingDetail also_needed)
    : scenario_(scenario),
      cost_(cost),
      gated_(scenario, trace, Registry<Gate>::make(scenario.gate)),
      capacity_(Registry<Capacity>::make(scenario.capacity)),
      replica_(Registry<Replica>::make(scenario.replica)),
      exchange_(Registry<ExchangePolicy>::make(scenario.exchange)),
      overlap_(Registry<Overlap>::make(scenario.overlap)),
      tokens_(static_cast<std::size_t>(scenario.cluster->gpus()), scenario.workload.tokens_per_gpu),
      moe_index_(static_cast<std::size_t>(scenario.model.layers), -1),
      batch_{.tokens = static_cast<double>(scenario.workload.tokens_per_gpu),
             .context = scenario.workload.context,
             .decode = scenario.workload.phase == WorkloadPhase::kDecode} {
  detail_ = choose_detail(
      scenario, std::max({gate().needs(), capacity_->needs(), replica_->needs(), also_needed}),
      exchange_->prefers());
  for (std::size_t i = 0; i < scenario.model.moe_layers.size(); ++i)
    moe_index_[static_cast<std::size_t>(scenario.model.moe_layers[i])] = static_cast<int>(i);
}

LayerBuilder::~LayerBuilder() = default;

LayerBuilder::Routed LayerBuilder::route(int step, LayerId layer,
                                         const LayerPlacement& placement) const {
  const Random random(scenario_.seed);
  const StepId step_id(step);
  GateResult gated = gated_.route(step_id, layer, placement, tokens_, detail_);
  Routed routed{.gate = std::move(gated.record)};
  routed.admission = capacity_->admit(std::move(gated.routing), {.model = scenario_.model,
                                                                 .step = step_id,
                                                                 .layer = layer,
                                                                 .random = random,
                                                                 .placement = &placement});
  const Admission& admission = routed.admission;
  routed.assignment =
      replica_->assign({admission.routing, placement, *scenario_.cluster, step_id, layer, random});
  routed.plan = exchange_->plan({.routing = admission.routing,
                                 .assignment = routed.assignment,
                                 .placement = placement,
                                 .cluster = *scenario_.cluster,
                                 .model = scenario_.model,
                                 .cost = cost_,
                                 .padding = admission.padding,
                                 .schedule = scenario_.network.schedule,
                                 .rule = scenario_.network.routing});
  for (Exchange* exchange : {&routed.plan.dispatch, &routed.plan.combine}) {
    exchange->coupling = scenario_.network.coupling.value_or(exchange->coupling);
    exchange->wait_for = scenario_.network.wait_for.value_or(exchange->wait_for);
  }
  routed.rows = slot_rows(routed.assignment, admission.padding, placement, admission.row_multiple);
  routed.gpu_rows.assign(tokens_.size(), 0);
  for (SlotId slot : IdRange<SlotId>(placement.slots()))
    routed.gpu_rows[placement.gpu_of(slot).index()] += routed.rows[slot.index()];
  return routed;
}

PartTimes LayerBuilder::uniform(KernelTime time) const { return PartTimes(tokens_.size(), time); }

// As memory time: a solver is a few blocks that wait for each other, and no loss of SMs slows it.
void LayerBuilder::fill_choice(const LayerPlacement& placement, LayerParts& parts) const {
  const ReplicaWork work = replica_->work(placement);
  if (work.counts.value > 0 && tokens_.size() > 1) {
    parts.agreement = all_reduce(work, *scenario_.cluster, cost_);
  }
  if (work.solve.value > 0) parts.choice = uniform({.memory = work.solve});
}

void LayerBuilder::fill_experts(const Routed& routed, const LayerPlacement& placement,
                                LayerParts& parts, std::optional<Evened> evened) const {
  const MoeModel& model = scenario_.model;
  parts.experts = PartTimes(tokens_.size());
  const double usual_rows = std::accumulate(routed.gpu_rows.begin(), routed.gpu_rows.end(), 0.0) /
                            static_cast<double>(placement.slots());
  for (GpuId gpu : IdRange<GpuId>(tokens_.size())) {
    const auto first = static_cast<std::size_t>(placement.first_slot[gpu.index()]);
    const auto last = static_cast<std::size_t>(placement.first_slot[gpu.index() + 1]);
    std::vector<int> rows(routed.rows.begin() + static_cast<std::ptrdiff_t>(first),
                          routed.rows.begin() + static_cast<std::ptrdiff_t>(last));
    double received = routed.plan.received_tokens[gpu];
    if (evened && evened->gpu == gpu && routed.gpu_rows[gpu.index()] > 0) {
      const double mean = std::accumulate(routed.gpu_rows.begin(), routed.gpu_rows.end(), 0.0) /
                          static_cast<double>(routed.gpu_rows.size());
      const double factor = mean / routed.gpu_rows[gpu.index()];
      for (int& row : rows) row = static_cast<int>(std::lround(row * factor));
      received *= factor;
      scale_gpu(*parts.dispatch, gpu, factor, true);
      scale_gpu(*parts.combine, gpu, factor, false);
    }
    parts.experts[gpu] = cost_.experts({.hidden = model.hidden,
                                        .width = model.expert_width,
                                        .matrices = model.expert_matrices,
                                        .dtype = model.expert_dtype,
                                        .top_k = model.top_k,
                                        .tokens = rows,
                                        .input_tokens = received,
                                        .routed_experts = model.experts,
                                        .usual_rows = usual_rows});
  }
}

TaskGraph LayerBuilder::build(int step, int layer, const Placement& placement, LayerLoad* load,
                              std::optional<Evened> evened) const {
  const MoeModel& model = scenario_.model;
  LayerParts parts{.step = step, .layer = moe_index_[static_cast<std::size_t>(layer)]};
  parts.attention = uniform(attention_time(model, layer, batch_, cost_));
  if (parts.layer < 0) {
    parts.dense = uniform(dense_ffn_time(model, batch_.tokens, cost_));
    return overlap_->build(std::move(parts));
  }
  const LayerPlacement& slots = placement.layers[LayerId(parts.layer)];
  Routed routed = route(step, LayerId(parts.layer), slots);
  parts.gate = uniform(gate_time(model, batch_.tokens, cost_));
  fill_choice(slots, parts);
  if (model.shared_experts > 0)
    parts.shared = uniform(shared_expert_time(model, batch_.tokens, cost_));
  if (load != nullptr) {
    const Admission& admission = routed.admission;
    load->gpu = routed.gpu_rows;
    load->expert.clear();
    for (std::int64_t count : expert_load(admission.routing.counts))
      load->expert.push_back(static_cast<double>(count));
    load->tokens = static_cast<std::int64_t>(batch_.tokens) * static_cast<int>(tokens_.size());
    load->routes = admission.routes;
    load->dropped_routes = admission.dropped_routes;
    load->dropped_tokens = admission.dropped_tokens;
    load->rerouted_routes = admission.rerouted_routes;
    load->rows = admission.row_multiple > 1
                     ? std::accumulate(routed.rows.begin(), routed.rows.end(), std::int64_t{0})
                     : admission.rows;
    load->gate = routed.gate;
    load->nvlink_bytes = load->network_bytes = 0;
    count_bytes(routed.plan.dispatch, *scenario_.cluster, *load);
    count_bytes(routed.plan.combine, *scenario_.cluster, *load);
    load->routing = std::move(routed.admission.routing);
  }
  parts.dispatch = std::move(routed.plan.dispatch);
  parts.combine = std::move(routed.plan.combine);
  fill_experts(routed, slots, parts, evened);
  return overlap_->build(std::move(parts));
}

ExpertLoad LayerBuilder::routed_load(int step, const Placement& placement) const {
  const MoeModel& model = scenario_.model;
  ExpertLoad load(model.moe_layer_count(), model.experts);
  for (const LayerId layer : load.row_ids()) {
    const Routing routing =
        gated_.route(StepId(step), layer, placement.layers[layer], tokens_, detail_).routing;
    const auto counts = expert_load(routing.counts);
    for (const ExpertId expert : counts.ids())
      load(layer, expert) = static_cast<double>(counts[expert]);
  }
  return load;
}

TaskGraph LayerBuilder::build_head(int step) const {
  TaskGraph graph{.step = step};
  graph.add(
      Compute{.time = uniform(head_time(scenario_.model, batch_, cost_)), .phase = Phase::kDense},
      {}, "logits");
  return graph;
}

Bytes LayerBuilder::exchange_buffers(int tokens_per_gpu) const {
  return exchange_->buffer_bytes(scenario_.model, *scenario_.cluster, tokens_per_gpu);
}

}  // namespace moesim
