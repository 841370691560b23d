#include "sim/calibration/dense_cost.hpp"

#include <algorithm>
#include <cmath>

namespace moesim {
namespace {

// Layers of a kind are spread evenly: whether layer `layer` is one of `some` among `all`.
bool spread_evenly(int layer, int some, int all) {
  return (layer + 1) * some / all > layer * some / all;
}

bool is_windowed(const MoeModel& model, int layer) {
  return model.attention.window > 0 &&
         spread_evenly(layer, model.attention.windowed_layers, model.layers);
}

bool has_attention(const MoeModel& model, int layer) {
  const int with = model.attention.attention_layers;
  return with < 0 || spread_evenly(layer, with, model.layers);
}

// Of some sequences, all prompts or all answers, in one layer.
struct CoreShape {
  double tokens = 0;     // new ones
  double attended = 0;   // mean over them
  double cached = 0;     // tokens whose keys and values are read
  double longest = 0;    // most that a token attends to
  double sequences = 0;  // how many
};

CoreShape shape_of(const MoeModel& model, int layer, const Sequences& batch) {
  CoreShape shape{.sequences = static_cast<double>(batch.size())};
  for (const Sequence& sequence : batch) {
    const double attended = attended_tokens(model, layer, sequence);
    const double end = sequence.earlier + sequence.new_tokens;
    const double window = is_windowed(model, layer) ? model.attention.window : end;
    shape.tokens += sequence.new_tokens;
    shape.attended += sequence.new_tokens * attended;
    shape.cached +=
        sequence.decode ? attended : std::min(sequence.earlier, window) + sequence.new_tokens;
    shape.longest = std::max(shape.longest, sequence.decode ? attended : std::min(end, window));
  }
  if (shape.tokens > 0) shape.attended /= shape.tokens;
  return shape;
}

// The attention core of a layer. Absorbed: all heads read the one latent. The drafts of a sequence
// share its pass over the cache, as further rows of queries.
AttentionWork core_work(const MoeModel& model, const CoreShape& shape, bool decode, bool absorbed) {
  const Attention& a = model.attention;
  AttentionWork work{.query_tokens = shape.tokens,
                     .kind = a.kind,
                     .decode = decode,
                     .sequences = shape.sequences,
                     .heads = a.heads,
                     .kv_heads = a.kv_heads,
                     .query_width = a.head_dim,
                     .value_width = a.head_dim,
                     .kv_width = 2 * a.head_dim,
                     .attended = shape.attended,
                     .longest = shape.longest,
                     .kv_dtype = a.kv_dtype};
  double cached_columns = 2.0 * a.kv_heads * a.head_dim;  // of a token
  if (a.kind == AttentionKind::kMla) {
    const int latent = a.kv_lora_rank + a.qk_rope_dim;
    cached_columns = latent;
    work.kv_heads = absorbed ? 1 : a.heads;
    work.query_width = absorbed ? latent : a.qk_nope_dim + a.qk_rope_dim;
    work.value_width = absorbed ? a.kv_lora_rank : a.v_dim;
    work.kv_width = absorbed ? latent : work.query_width + work.value_width;
  }
  work.flops = shape.tokens * 2 * a.heads * (work.query_width + work.value_width) * shape.attended;
  work.kv_read = shape.cached * cached_columns * bytes_per_parameter(a.kv_dtype);
  if (decode && shape.sequences > 0)
    work.heads = static_cast<int>(std::lround(a.heads * shape.tokens / shape.sequences));
  return work;
}

// Keys and values of tokens of earlier parts of a prompt are expanded again from their latents.
double expanded_again(const Sequences& batch) {
  double tokens = 0;
  for (const Sequence& sequence : batch)
    if (!sequence.decode) tokens += sequence.earlier;
  return tokens;
}

void add_mla_projections(const MoeModel& model, const Sequences& batch, const CostModel& cost,
                         AttentionTimes& times) {
  const Attention& a = model.attention;
  const double h = model.hidden;
  const double query = static_cast<double>(a.heads) * (a.qk_nope_dim + a.qk_rope_dim);
  const double tokens = new_tokens(batch);
  const auto gemm = [&](double m, double n, double k) {
    return cost.gemm({.m = m, .n = n, .k = k, .dtype = model.dtype});
  };
  times.prepare += gemm(tokens, a.kv_lora_rank + a.qk_rope_dim, h);
  if (a.q_lora_rank > 0) {
    times.prepare += gemm(tokens, a.q_lora_rank, h);
    times.prepare += gemm(tokens, query, a.q_lora_rank);
  } else {
    times.prepare += gemm(tokens, query, h);
  }
  // Decode absorbs the key's up-projection into the query and the value's into the output: as many
  // FLOPs per token as expanding the token's own key and value in prefill.
  times.prepare += gemm(tokens + expanded_again(batch),
                        static_cast<double>(a.heads) * (a.qk_nope_dim + a.v_dim), a.kv_lora_rank);
  times.core += gemm(tokens, h, static_cast<double>(a.heads) * a.v_dim);
}

void add_projections(const MoeModel& model, const Sequences& batch, const CostModel& cost,
                     AttentionTimes& times) {
  const Attention& a = model.attention;
  if (a.kind == AttentionKind::kMla) return add_mla_projections(model, batch, cost, times);
  const double h = model.hidden;
  const double query = static_cast<double>(a.heads) * a.head_dim;
  const double qkv = query + 2.0 * a.kv_heads * a.head_dim;
  const double tokens = new_tokens(batch);
  times.prepare += cost.gemm({.m = tokens, .n = qkv, .k = h, .dtype = model.dtype});
  times.core += cost.gemm({.m = tokens, .n = h, .k = query, .dtype = model.dtype});
}

// The projections of a Mamba 1 mixer; its convolution and its scan are passes over the channels,
// and the scan reads and writes the state of every sequence, or, in a prompt, that of a chunk of
// 256 tokens, at 32 bits.
KernelTime mamba_time(const MoeModel& model, const Sequences& batch, const CostModel& cost) {
  const Mamba& mamba = model.mamba;
  const double h = model.hidden, channels = mamba.expand * h;
  const double rank = mamba.rank > 0 ? mamba.rank : std::floor(h / 16);
  double tokens = 0, states = 0;
  for (const Sequence& sequence : batch) {
    tokens += sequence.new_tokens;
    states += sequence.decode ? 1 : std::ceil(sequence.new_tokens / 256);
  }
  const auto gemm = [&](double n, double k) {
    return cost.gemm({.m = tokens, .n = n, .k = k, .dtype = model.dtype});
  };
  KernelTime time = gemm(2 * channels, h);
  time += gemm(rank + 2.0 * mamba.state, channels);
  time += gemm(channels, rank);
  time += gemm(h, channels);
  time += cost.memory_pass(Bytes(tokens * channels * 2 * (2 + 4)));
  time += cost.memory_pass(Bytes(states * channels * mamba.state * 2 * 4));
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

double attended_tokens(const MoeModel& model, int layer, const Sequence& sequence) {
  const double before = sequence.earlier;
  if (sequence.decode) {
    const double mean = before + (sequence.new_tokens - 1) / 2;
    return is_windowed(model, layer) ? std::min<double>(mean, model.attention.window) : mean;
  }
  const double end = before + sequence.new_tokens;
  if (!is_windowed(model, layer) || end <= model.attention.window) return (before + end) / 2;
  // The mean of min(position, window) from `before` to `end`.
  const double window = model.attention.window;
  const double full = std::max(before, window);
  const double rising = (full - before) * (before + full) / 2;
  return (rising + (end - full) * window) / sequence.new_tokens;
}

MoeModel tensor_shard(MoeModel model, int tp) {
  model.attention.heads /= tp;
  model.attention.kv_heads = std::max(1, model.attention.kv_heads / tp);
  model.dense_width /= tp;
  model.shared_width /= tp;
  model.vocabulary = (model.vocabulary + tp - 1) / tp;
  return model;
}

int attention_class(const MoeModel& model, int layer) {
  if (!has_attention(model, layer)) return 2;
  return is_windowed(model, layer) ? 1 : 0;
}

AttentionTimes attention_times(const MoeModel& model, int layer, const Sequences& batch,
                               const CostModel& cost) {
  const double tokens = new_tokens(batch);
  if (tokens <= 0) return {};
  const double norms = tokens * model.hidden * 2 * 4;  // two norms, each read and written
  AttentionTimes times{.prepare = cost.memory_pass(Bytes(norms))};
  if (!has_attention(model, layer)) {
    times.core = mamba_time(model, batch, cost);
    return times;
  }
  add_projections(model, batch, cost, times);
  for (const bool decode : {false, true}) {
    Sequences part;
    for (const Sequence& sequence : batch)
      if (sequence.decode == decode) part.push_back(sequence);
    if (!part.empty())
      times.core += cost.attention(core_work(model, shape_of(model, layer, part), decode, decode));
  }
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

KernelTime embedding_time(const MoeModel& model, double tokens, const CostModel& cost) {
  return cost.memory_pass(Bytes(tokens * model.hidden * 2 * 2));  // read and written
}

double head_rows(const Sequences& batch) {
  double rows = 0;
  for (const Sequence& sequence : batch) rows += sequence.decode ? sequence.new_tokens : 1;
  return rows;
}

KernelTime head_time(const MoeModel& model, double rows, const CostModel& cost) {
  if (rows <= 0) return {};
  return cost.gemm({.m = rows,
                    .n = static_cast<double>(model.vocabulary),
                    .k = static_cast<double>(model.hidden),
                    .dtype = DType::kBf16});
}

KernelTime sampling_time(const MoeModel& model, double rows, const CostModel& cost) {
  return cost.memory_pass(Bytes(rows * model.vocabulary * 4 * 3));
}

double model_flops(const MoeModel& model, const Sequences& batch) {
  const double look_up =
      model.tied_embeddings ? 0 : static_cast<double>(model.vocabulary) * model.hidden;
  double flops = 2 * (active_parameters(model) - look_up) * new_tokens(batch);
  for (int layer = 0; layer < model.layers; ++layer)
    if (has_attention(model, layer))
      flops += core_work(model, shape_of(model, layer, batch), false, false).flops;
  return flops;
}

}  // namespace moesim
