#include "sim/dense_parts.hpp"

#include <algorithm>

#include "sim/draw_sequences.hpp"
#include "sim/exchange/library.hpp"
#include "sim/shared_parts.hpp"

namespace moesim {

void append(Part& part, Part more) {
  for (PartStep& step : more) part.push_back(std::move(step));
}

DenseParts::DenseParts(const Scenario& scenario, const CostModel& cost)
    : scenario_(scenario),
      cost_(cost),
      grid_(*scenario.grid),
      shard_(tensor_shard(scenario.model, grid_.parallel().tp)),
      sequences_(draw_sequences(scenario)) {}

double DenseParts::tokens_of_group(int tokens) const { return 1.0 * tokens * grid_.parallel().tp; }

double DenseParts::tokens_of_router(int tokens) const {
  return grid_.parallel().scattered ? tokens : tokens_of_group(tokens);
}

Bytes DenseParts::rows_of_group(int tokens) const {
  return Bytes(tokens_of_group(tokens) * bf16_row(scenario_.model));
}

Part DenseParts::kernel(KernelTime time, Phase phase, int stage, std::string label) const {
  PartTimes times(grid_.cluster().gpus());
  for (const GpuId gpu : times.ids())
    if (grid_.stage_of(gpu) == stage) times[gpu] = time;
  return {{Compute{.time = std::move(times), .phase = phase}, std::move(label)}};
}

PartTimes DenseParts::times_of(int stage, TokenRange range, const TimeOf& time) const {
  PartTimes times(grid_.cluster().gpus());
  Sequences last;
  KernelTime last_time;
  for (const std::vector<GpuId>& group : grid_.tensor_groups(stage)) {
    Sequences batch;
    for (const GpuId gpu : group)
      for (const Sequence& sequence : slice(sequences_[gpu], range.first, range.tokens))
        batch.push_back(sequence);
    if (batch != last) {
      last_time = time(batch);
      last = std::move(batch);
    }
    for (const GpuId gpu : group) times[gpu] = last_time;
  }
  return times;
}

const std::pair<PartTimes, PartTimes>& DenseParts::attention(int layer, int stage,
                                                             TokenRange range) const {
  const std::tuple key(attention_class(shard_, layer), stage, range.first, range.tokens);
  const auto known = attention_.find(key);
  if (known != attention_.end()) return known->second;
  const auto part = [&](KernelTime AttentionTimes::*of) {
    return times_of(stage, range, [&](const Sequences& batch) {
      return attention_times(shard_, layer, batch, cost_).*of;
    });
  };
  return attention_
      .emplace(key, std::pair(part(&AttentionTimes::prepare), part(&AttentionTimes::core)))
      .first->second;
}

Part DenseParts::embeddings(int stage, int tokens) const {
  const double all = tokens_of_group(tokens);
  Part part = kernel(embedding_time(shard_, all, cost_), Phase::kDense, stage, "embeddings");
  // Every GPU of a group looks up what its part of the vocabulary has.
  append(part, sum_tokens(grid_.tensor_groups(stage), rows_of_group(tokens), grid_, cost_));
  return part;
}

// What stands before the layer's own attention: embeddings before the first; before one for
// multi-token prediction the logits and the choice of the tokens that it goes on from, their
// embeddings, and a projection of both.
void DenseParts::begin(int layer, int stage, TokenRange range, Part& part) const {
  const bool predicts = scenario_.model.is_mtp(layer);
  if (predicts) append(part, logits(range));
  if (predicts || layer == 0) append(part, embeddings(stage, range.tokens));
  if (!predicts) return;
  const double hidden = scenario_.model.hidden;
  append(part, kernel(cost_.gemm({.m = 1.0 * range.tokens,
                                  .n = hidden,
                                  .k = 2 * hidden,
                                  .dtype = scenario_.model.dtype}),
                      Phase::kDense, stage, "projection"));
}

void DenseParts::add_attention(int layer, TokenRange range, LayerParts& parts) const {
  const int stage = grid_.stage_of_layer(layer, scenario_.model.layers);
  const GpuGroups& groups = grid_.tensor_groups(stage);
  const Bytes rows = rows_of_group(range.tokens);
  const auto& [prepare, core] = attention(layer, stage, range);
  begin(layer, stage, range, parts.prepare);
  append(parts.prepare, gather_tokens(groups, rows, grid_, cost_));
  parts.prepare.push_back({Compute{.time = prepare, .phase = Phase::kAttention}});
  parts.attention.push_back({Compute{.time = core, .phase = Phase::kAttention}});
  append(parts.attention, sum_tokens(groups, rows, grid_, cost_));
}

void DenseParts::add_ffn(int stage, int tokens, LayerParts& parts) const {
  const GpuGroups& groups = grid_.tensor_groups(stage);
  const Bytes rows = rows_of_group(tokens);
  append(parts.dense, gather_tokens(groups, rows, grid_, cost_));
  append(parts.dense,
         kernel(dense_ffn_time(shard_, tokens_of_group(tokens), cost_), Phase::kDense, stage));
  append(parts.dense, sum_tokens(groups, rows, grid_, cost_));
}

Part DenseParts::router(int stage, int tokens) const {
  return kernel(gate_time(scenario_.model, tokens_of_router(tokens), cost_), Phase::kGate, stage);
}

Part DenseParts::shared_experts(int stage, int tokens) const {
  const MoeModel& model = grid_.parallel().scattered ? scenario_.model : shard_;
  if (model.shared_experts == 0 || grid_.parallel().fused_shared) return {};
  return kernel(shared_expert_time(model, tokens_of_router(tokens), cost_), Phase::kShared, stage);
}

Part DenseParts::logits(TokenRange range) const {
  const int stage = grid_.stages() - 1;
  double rows = 0;  // the most of a group
  PartTimes multiply = times_of(stage, range, [&](const Sequences& batch) {
    rows = std::max(rows, head_rows(batch));
    return head_time(shard_, head_rows(batch), cost_);
  });
  PartTimes choose = times_of(stage, range, [&](const Sequences& batch) {
    return sampling_time(scenario_.model, head_rows(batch), cost_);
  });
  Part part = {{Compute{.time = std::move(multiply), .phase = Phase::kDense}, "logits"}};
  // Every GPU of a group samples from all logits, at 16 bits.
  append(part, collective_of(CollectiveKind::kAllGather, grid_.tensor_groups(stage),
                             Bytes(rows * scenario_.model.vocabulary * 2), grid_, cost_));
  part.push_back({Compute{.time = std::move(choose), .phase = Phase::kDense}, "sampling"});
  return part;
}

}  // namespace moesim
