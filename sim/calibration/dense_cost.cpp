#include "sim/calibration/dense_cost.hpp"

#include <algorithm>

namespace moesim {
namespace {

constexpr double kKvBytes = 2;  // the KV cache is held at 16 bits

// Layers of a kind are spread evenly: whether layer `layer` is one of `some` among `all`.
bool spread_evenly(int layer, int some, int all) {
  return (layer + 1) * some / all > layer * some / all;
}

bool has_attention(const MoeModel& model, int layer) {
  const int with = model.attention.attention_layers;
  return with < 0 || spread_evenly(layer, with, model.layers);
}

// The attention core of a layer, for `tokens` new tokens of `sequences`. Decode absorbs the
// up-projection of an MLA latent, so that all heads read the one latent.
AttentionWork core_work(const MoeModel& model, double attended, const TokenBatch& batch,
                        bool absorbed) {
  const Attention& a = model.attention;
  AttentionWork work{.query_tokens = batch.tokens,
                     .kind = a.kind,
                     .decode = batch.decode,
                     .heads = a.heads,
                     .kv_heads = a.kv_heads,
                     .query_width = a.head_dim,
                     .value_width = a.head_dim,
                     .kv_width = 2 * a.head_dim,
                     .attended = attended};
  double cached_columns = 2.0 * a.kv_heads * a.head_dim;  // of a token
  if (a.kind == AttentionKind::kMla) {
    const int latent = a.kv_lora_rank + a.qk_rope_dim;
    cached_columns = latent;
    work.kv_heads = absorbed ? 1 : a.heads;
    work.query_width = absorbed ? latent : a.qk_nope_dim + a.qk_rope_dim;
    work.value_width = absorbed ? a.kv_lora_rank : a.v_dim;
    work.kv_width = absorbed ? latent : work.query_width + work.value_width;
  }
  work.flops = batch.tokens * 2 * a.heads * (work.query_width + work.value_width) * attended;
  // Decode reads each sequence's cache for its one new token; prefill reads a prompt's keys once.
  const double cached = batch.decode ? batch.tokens * attended : batch.tokens;
  work.kv_read = cached * cached_columns * kKvBytes;
  // A batch may hold a part of a prompt.
  work.sequences = batch.decode ? batch.tokens : std::max(1.0, batch.tokens / batch.context);
  work.longest = batch.decode ? attended : std::min<double>(2 * attended, batch.context);
  return work;
}

void add_mla_projections(const MoeModel& model, const TokenBatch& batch, const CostModel& cost,
                         AttentionTimes& times) {
  const Attention& a = model.attention;
  const double h = model.hidden;
  const double query = static_cast<double>(a.heads) * (a.qk_nope_dim + a.qk_rope_dim);
  const auto gemm = [&](double n, double k) {
    return cost.gemm({.m = batch.tokens, .n = n, .k = k, .dtype = model.dtype});
  };
  times.prepare += gemm(a.kv_lora_rank + a.qk_rope_dim, h);
  if (a.q_lora_rank > 0) {
    times.prepare += gemm(a.q_lora_rank, h);
    times.prepare += gemm(query, a.q_lora_rank);
  } else {
    times.prepare += gemm(query, h);
  }
  // Decode absorbs the key's up-projection into the query and the value's into the output: as many
  // FLOPs per token as expanding the token's own key and value in prefill.
  times.prepare += gemm(static_cast<double>(a.heads) * (a.qk_nope_dim + a.v_dim), a.kv_lora_rank);
  times.core += gemm(h, static_cast<double>(a.heads) * a.v_dim);
}

void add_projections(const MoeModel& model, const TokenBatch& batch, const CostModel& cost,
                     AttentionTimes& times) {
  const Attention& a = model.attention;
  if (a.kind == AttentionKind::kMla) return add_mla_projections(model, batch, cost, times);
  const double h = model.hidden;
  const double query = static_cast<double>(a.heads) * a.head_dim;
  const double qkv = query + 2.0 * a.kv_heads * a.head_dim;
  times.prepare += cost.gemm({.m = batch.tokens, .n = qkv, .k = h, .dtype = model.dtype});
  times.core += cost.gemm({.m = batch.tokens, .n = h, .k = query, .dtype = model.dtype});
}

// In and out projections of a Mamba mixer with expansion 2; its scan is a pass over the
// activations.
KernelTime mamba_time(const MoeModel& model, const TokenBatch& batch, const CostModel& cost) {
  const double h = model.hidden;
  KernelTime time = cost.gemm({.m = batch.tokens, .n = 4 * h, .k = h, .dtype = model.dtype});
  time += cost.gemm({.m = batch.tokens, .n = h, .k = 2 * h, .dtype = model.dtype});
  time += cost.memory_pass(Bytes(batch.tokens * 2 * h * 2 * 4));
  return time;
}

KernelTime ffn_time(double tokens, double hidden, double width, int matrices, DType dtype,
                    const CostModel& cost) {
  KernelTime time =
      cost.gemm({.m = tokens, .n = (matrices - 1) * width, .k = hidden, .dtype = dtype});
  time += cost.gemm({.m = tokens, .n = hidden, .k = width, .dtype = dtype});
  return time;
}

}  // namespace

double attended_tokens(const MoeModel& model, int layer, const TokenBatch& batch) {
  const Attention& a = model.attention;
  const double attended = batch.decode ? batch.context : batch.context / 2.0;
  const bool windowed = a.window > 0 && spread_evenly(layer, a.windowed_layers, model.layers);
  return windowed ? std::min(attended, static_cast<double>(a.window)) : attended;
}

MoeModel tensor_shard(MoeModel model, int tp) {
  model.attention.heads /= tp;
  model.attention.kv_heads = std::max(1, model.attention.kv_heads / tp);
  model.dense_width /= tp;
  model.shared_width /= tp;
  model.vocabulary = (model.vocabulary + tp - 1) / tp;
  return model;
}

AttentionTimes attention_times(const MoeModel& model, int layer, const TokenBatch& batch,
                               const CostModel& cost) {
  if (batch.tokens <= 0) return {};
  const double norms = batch.tokens * model.hidden * 2 * 4;  // two norms, each read and written
  AttentionTimes times{.prepare = cost.memory_pass(Bytes(norms))};
  if (!has_attention(model, layer)) {
    times.core = mamba_time(model, batch, cost);
    return times;
  }
  add_projections(model, batch, cost, times);
  const double attended = attended_tokens(model, layer, batch);
  times.core += cost.attention(core_work(model, attended, batch, batch.decode));
  return times;
}

KernelTime gate_time(const MoeModel& model, double tokens, const CostModel& cost) {
  if (tokens <= 0) return {};
  KernelTime time = cost.gemm({.m = tokens,
                               .n = static_cast<double>(model.experts),
                               .k = static_cast<double>(model.hidden),
                               .dtype = DType::kBf16});
  time += cost.gate({.tokens = tokens, .experts = model.experts, .top_k = model.top_k});
  return time;
}

KernelTime dense_ffn_time(const MoeModel& model, double tokens, const CostModel& cost) {
  if (tokens <= 0 || model.dense_width == 0) return {};
  return ffn_time(tokens, model.hidden, model.dense_width, model.dense_matrices, model.dtype, cost);
}

KernelTime shared_expert_time(const MoeModel& model, double tokens, const CostModel& cost) {
  if (tokens <= 0 || model.shared_experts == 0) return {};
  return ffn_time(tokens, model.hidden,
                  static_cast<double>(model.shared_experts) * model.shared_width,
                  model.expert_matrices, model.expert_dtype, cost);
}

double head_rows(const TokenBatch& batch) {
  return batch.decode ? batch.tokens : std::max(1.0, batch.tokens / batch.context);
}

KernelTime head_time(const MoeModel& model, const TokenBatch& batch, const CostModel& cost) {
  if (batch.tokens <= 0) return {};
  return cost.gemm({.m = head_rows(batch),
                    .n = static_cast<double>(model.vocabulary),
                    .k = static_cast<double>(model.hidden),
                    .dtype = DType::kBf16});
}

double flops_per_token(const MoeModel& model, const TokenBatch& batch) {
  const double look_up =
      model.tied_embeddings ? 0 : static_cast<double>(model.vocabulary) * model.hidden;
  double flops = 2 * (active_parameters(model) - look_up);
  for (int layer = 0; layer < model.layers; ++layer)
    if (has_attention(model, layer))
      flops += core_work(model, attended_tokens(model, layer, batch),
                         {.tokens = 1, .context = batch.context, .decode = batch.decode}, false)
                   .flops;
  return flops;
}

}  // namespace moesim
