#include "sim/training_layers.hpp"

#include "sim/shared_parts.hpp"

namespace moesim {
namespace {

// Without the exchanges, which the gradients of inputs have had.
Part kernels_of(Part part) {
  std::erase_if(
      part, [](const PartStep& step) { return !std::holds_alternative<Compute>(step.operation); });
  return part;
}

// The exchange of token gradients goes to the experts in the type that training says.
Choice with_dtype(const Choice& exchange, bool fp8) {
  if (!exchange.arguments.has("dispatch_dtype")) return exchange;
  YamlNode section = resolved_choice(ExchangePolicy::kRole, exchange);
  section.set("dispatch_dtype", YamlNode::scalar(fp8 ? "fp8" : "bf16"));
  Mistakes mistakes;
  Choice choice = read_choice(ExchangePolicy::kRole, section, mistakes);
  mistakes.throw_if_any();
  return choice;
}

}  // namespace

TrainingLayers::TrainingLayers(Scenario passes, const Trace& trace, const CostModel& cost,
                               const EventTimeline& timeline)
    : scenario_(std::move(passes)),
      gradients_(with_gradients(scenario_)),
      input_cost_(cost, scenario_.training.recompute == Recompute::kSelective),
      weight_cost_(cost, scenario_.training.gradient_bytes),
      cost_(cost),
      forward_(scenario_, trace, cost_, timeline),
      input_(gradients_, trace, input_cost_, timeline),
      weight_(gradients_, trace, weight_cost_, timeline) {}

void TrainingLayers::leave_out(const Counterfactual& counterfactual) {
  for (LayerBuilder* builder : {&forward_, &input_, &weight_}) builder->leave_out(counterfactual);
}

Scenario TrainingLayers::with_gradients(Scenario scenario) {
  scenario.exchange = with_dtype(scenario.exchange, scenario.training.fp8_exchange);
  return scenario;
}

LayerParts TrainingLayers::forward(LayerStep at, const Placement& placement,
                                   LayerLoad* load) const {
  return forward_.parts(at.pass, at.layer, placement, load);
}

LayerParts TrainingLayers::input_gradients(LayerStep at, const Placement& placement,
                                           LayerLoad* load) const {
  LayerParts parts = input_.parts(at.pass, at.layer, placement, load);
  Part first = again(at);
  append(first, std::move(parts.prepare));
  parts.prepare = std::move(first);
  return parts;
}

LayerParts TrainingLayers::weight_gradients(LayerStep at, const Placement& placement) const {
  LayerParts parts = weight_.parts(at.pass, at.layer, placement, nullptr);
  for (Part* part :
       {&parts.prepare, &parts.attention, &parts.dense, &parts.gate, &parts.shared, &parts.experts})
    *part = kernels_of(std::move(*part));
  parts.dispatch.clear();
  parts.combine.clear();
  return parts;
}

BackwardParts TrainingLayers::backward(LayerStep at, const Placement& placement,
                                       LayerLoad* load) const {
  return {input_gradients(at, placement, load), weight_gradients(at, placement)};
}

// The up-projections of an MLA latent, where their results were not kept.
Part TrainingLayers::again(LayerStep at) const {
  const MoeModel& model = scenario_.model;
  const Attention& a = model.attention;
  if (scenario_.training.recompute != Recompute::kSelective || a.kind != AttentionKind::kMla)
    return {};
  const int tp = grid().parallel().tp;
  const double tokens = 1.0 * scenario_.workload.tokens_per_gpu * tp;
  const double heads = 1.0 * a.heads / tp;
  KernelTime time = cost_.gemm({.m = tokens,
                                .n = heads * (a.qk_nope_dim + a.v_dim),
                                .k = static_cast<double>(a.kv_lora_rank),
                                .dtype = model.dtype});
  if (a.q_lora_rank > 0)
    time += cost_.gemm({.m = tokens,
                        .n = heads * (a.qk_nope_dim + a.qk_rope_dim),
                        .k = static_cast<double>(a.q_lora_rank),
                        .dtype = model.dtype});
  PartTimes times(grid().cluster().gpus());
  const int stage = grid().stage_of_layer(at.layer, model.layers);
  for (const GpuId gpu : times.ids())
    if (grid().stage_of(gpu) == stage) times[gpu] = time;
  return {{Compute{.time = std::move(times), .phase = Phase::kAttention}, "recomputed"}};
}

void TrainingLayers::add_head(const CostModel& cost, TaskGraph& graph,
                              std::vector<int>& last) const {
  const MoeModel& model = scenario_.model;
  const MoeModel shard = tensor_shard(model, grid().parallel().tp);
  const double tokens = 1.0 * scenario_.workload.tokens_per_gpu * grid().parallel().tp;
  KernelTime time = head_time(shard, tokens, cost);  // of all tokens
  constexpr double kLossBytes = 4;                   // 16 bits of a logit, read and written
  time += cost.memory_pass(Bytes(tokens * shard.vocabulary * kLossBytes));
  PartTimes times(grid().cluster().gpus());
  const int stage = grid().stage_of_layer(model.layers - 1, model.layers);
  for (const GpuId gpu : times.ids())
    if (grid().stage_of(gpu) == stage) times[gpu] = time;
  last = add_part(graph,
                  {{Compute{.time = std::move(times), .phase = Phase::kDense}, "logits and loss"}},
                  std::move(last));
}

TaskGraph TrainingLayers::head(PassKind kind) const {
  TaskGraph graph;
  std::vector<int> last;
  if (kind == PassKind::kForward) add_head(cost_, graph, last);
  if (kind == PassKind::kBackward || kind == PassKind::kBackwardInput)
    add_head(input_cost_, graph, last);
  if (kind == PassKind::kBackward || kind == PassKind::kBackwardWeight)
    add_head(weight_cost_, graph, last);
  return graph;
}

TaskGraph forward_graph(LayerParts parts) {
  TaskGraph graph{.layer = parts.layer};
  std::vector<int> last;
  for (Part* part : {&parts.prepare, &parts.attention, &parts.dense, &parts.gate, &parts.shared,
                     &parts.dispatch, &parts.experts, &parts.combine})
    last = add_part(graph, std::move(*part), std::move(last));
  return graph;
}

TaskGraph backward_graph(BackwardParts parts) {
  TaskGraph graph{.layer = std::max(parts.input.layer, parts.weight.layer)};
  std::vector<int> last;
  for (Part* part :
       {&parts.input.dispatch, &parts.input.experts, &parts.weight.experts, &parts.input.combine,
        &parts.input.shared, &parts.weight.shared, &parts.input.gate, &parts.weight.gate,
        &parts.input.dense, &parts.weight.dense, &parts.input.prepare, &parts.input.attention,
        &parts.weight.prepare, &parts.weight.attention})
    last = add_part(graph, std::move(*part), std::move(last));
  return graph;
}

}  // namespace moesim
