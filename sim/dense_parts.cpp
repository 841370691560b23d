#include "sim/dense_parts.hpp"

#include <algorithm>

#include "sim/draw_sequences.hpp"
#include "sim/exchange/library.hpp"

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

void DenseParts::set_sequences(IdVector<GpuId, Sequences> sequences) {
  sequences_ = std::move(sequences);
  attention_.clear();
}

IdVector<GpuId, double> DenseParts::tokens_of_group(int stage, const TokenRanges& tokens) const {
  IdVector<GpuId, double> all(tokens.size());
  for (const std::vector<GpuId>& group : grid_.tensor_groups(stage)) {
    double sum = 0;
    for (const GpuId gpu : group) sum += tokens[gpu].tokens;
    for (const GpuId gpu : group) all[gpu] = sum;
  }
  return all;
}

IdVector<GpuId, double> DenseParts::tokens_of_router(int stage, const TokenRanges& tokens) const {
  if (!grid_.parallel().scattered) return tokens_of_group(stage, tokens);
  IdVector<GpuId, double> own(tokens.size());
  for (const GpuId gpu : own.ids()) own[gpu] = tokens[gpu].tokens;
  return own;
}

HeldBytes DenseParts::rows(const TokenRanges& tokens) const {
  HeldBytes bytes(tokens.size());
  for (const GpuId gpu : bytes.ids()) bytes[gpu] = tokens[gpu].tokens * bf16_row(scenario_.model);
  return bytes;
}

Part DenseParts::kernel(KernelTime time, Phase phase, int stage, std::string label) const {
  PartTimes times(grid_.cluster().gpus());
  for (const GpuId gpu : times.ids())
    if (grid_.stage_of(gpu) == stage) times[gpu] = time;
  return {{Compute{.time = std::move(times), .phase = phase}, std::move(label)}};
}

Part DenseParts::kernel_of(const IdVector<GpuId, double>& tokens, int stage, Phase phase,
                           std::string label, const std::function<KernelTime(double)>& time) const {
  PartTimes times(grid_.cluster().gpus());
  double last = 0;
  KernelTime last_time;
  for (const GpuId gpu : times.ids()) {
    if (grid_.stage_of(gpu) != stage || tokens[gpu] == 0) continue;
    if (tokens[gpu] != last) last_time = time(last = tokens[gpu]);
    times[gpu] = last_time;
  }
  return {{Compute{.time = std::move(times), .phase = phase}, std::move(label)}};
}

Sequences DenseParts::batch_of(const std::vector<GpuId>& group, const TokenRanges& ranges) const {
  Sequences batch;
  for (const GpuId gpu : group)
    for (const Sequence& sequence : slice(sequences_[gpu], ranges[gpu].first, ranges[gpu].tokens))
      batch.push_back(sequence);
  return batch;
}

PartTimes DenseParts::times_of(int stage, const TokenRanges& ranges, const TimeOf& time) const {
  PartTimes times(grid_.cluster().gpus());
  Sequences last;
  KernelTime last_time;
  for (const std::vector<GpuId>& group : grid_.tensor_groups(stage)) {
    Sequences batch = batch_of(group, ranges);
    if (batch.empty()) continue;
    if (batch != last) {
      last_time = time(batch);
      last = std::move(batch);
    }
    for (const GpuId gpu : group) times[gpu] = last_time;
  }
  return times;
}

const std::pair<PartTimes, PartTimes>& DenseParts::attention(int layer, int stage,
                                                             const TokenRanges& tokens) const {
  const std::tuple key(attention_class(shard_, layer), stage, tokens.raw());
  const auto known = attention_.find(key);
  if (known != attention_.end()) return known->second;
  const auto part = [&](KernelTime AttentionTimes::*of) {
    return times_of(stage, tokens, [&](const Sequences& batch) {
      return attention_times(shard_, layer, batch, cost_).*of;
    });
  };
  return attention_
      .emplace(key, std::pair(part(&AttentionTimes::prepare), part(&AttentionTimes::core)))
      .first->second;
}

Part DenseParts::embeddings(int stage, const TokenRanges& tokens) const {
  Part part = kernel_of(tokens_of_group(stage, tokens), stage, Phase::kDense, "embeddings",
                        [&](double all) { return embedding_time(shard_, all, cost_); });
  // Every GPU of a group looks up what its part of the vocabulary has.
  append(part, sum_tokens(grid_.tensor_groups(stage), rows(tokens), grid_, cost_));
  return part;
}

// What stands before the layer's own attention: embeddings before the first; before one for
// multi-token prediction the logits and the choice of the tokens that it goes on from, their
// embeddings, and a projection of both.
void DenseParts::begin(int layer, int stage, const TokenRanges& tokens, Part& part) const {
  const bool predicts = scenario_.model.is_mtp(layer);
  if (predicts) append(part, logits(tokens));
  if (predicts || layer == 0) append(part, embeddings(stage, tokens));
  if (!predicts) return;
  const double hidden = scenario_.model.hidden;
  IdVector<GpuId, double> own(tokens.size());
  for (const GpuId gpu : own.ids()) own[gpu] = tokens[gpu].tokens;
  append(part, kernel_of(own, stage, Phase::kDense, "projection", [&](double rows) {
           return cost_.gemm(
               {.m = rows, .n = hidden, .k = 2 * hidden, .dtype = scenario_.model.dtype});
         }));
}

void DenseParts::add_attention(int layer, const TokenRanges& tokens, LayerParts& parts) const {
  const int stage = grid_.stage_of_layer(layer, scenario_.model.layers);
  const GpuGroups& groups = grid_.tensor_groups(stage);
  const HeldBytes held = rows(tokens);
  const auto& [prepare, core] = attention(layer, stage, tokens);
  begin(layer, stage, tokens, parts.prepare);
  append(parts.prepare, gather_tokens(groups, held, grid_, cost_));
  parts.prepare.push_back({Compute{.time = prepare, .phase = Phase::kAttention}});
  parts.attention.push_back({Compute{.time = core, .phase = Phase::kAttention}});
  append(parts.attention, sum_tokens(groups, held, grid_, cost_));
}

void DenseParts::add_ffn(int stage, const TokenRanges& tokens, LayerParts& parts) const {
  const GpuGroups& groups = grid_.tensor_groups(stage);
  const HeldBytes held = rows(tokens);
  append(parts.dense, gather_tokens(groups, held, grid_, cost_));
  append(parts.dense, kernel_of(tokens_of_group(stage, tokens), stage, Phase::kDense, {},
                                [&](double all) { return dense_ffn_time(shard_, all, cost_); }));
  append(parts.dense, sum_tokens(groups, held, grid_, cost_));
}

Part DenseParts::router(int stage, const TokenRanges& tokens) const {
  return kernel_of(tokens_of_router(stage, tokens), stage, Phase::kGate, {},
                   [&](double own) { return gate_time(scenario_.model, own, cost_); });
}

Part DenseParts::shared_experts(int stage, const TokenRanges& tokens) const {
  const MoeModel& model = grid_.parallel().scattered ? scenario_.model : shard_;
  if (model.shared_experts == 0 || grid_.parallel().fused_shared) return {};
  return kernel_of(tokens_of_router(stage, tokens), stage, Phase::kShared, {},
                   [&](double own) { return shared_expert_time(model, own, cost_); });
}

Part DenseParts::logits(const TokenRanges& tokens) const {
  const int stage = grid_.stages() - 1;
  const GpuGroups& groups = grid_.tensor_groups(stage);
  // Every GPU of a group samples from all logits, at 16 bits.
  HeldBytes held(grid_.cluster().gpus());
  for (const std::vector<GpuId>& group : groups)
    held[group.front()] = head_rows(batch_of(group, tokens)) * scenario_.model.vocabulary * 2;
  PartTimes multiply = times_of(stage, tokens, [&](const Sequences& batch) {
    return head_time(shard_, head_rows(batch), cost_);
  });
  PartTimes choose = times_of(stage, tokens, [&](const Sequences& batch) {
    return sampling_time(scenario_.model, head_rows(batch), cost_);
  });
  Part part = {{Compute{.time = std::move(multiply), .phase = Phase::kDense}, "logits"}};
  append(part, collective_of(CollectiveKind::kAllGather, groups, held, grid_, cost_));
  part.push_back({Compute{.time = std::move(choose), .phase = Phase::kDense}, "sampling"});
  return part;
}

}  // namespace moesim
