#include "sim/model/training_memory.hpp"

#include <algorithm>

namespace moesim {
namespace {

constexpr double kBytes = 2;  // of an activation

// Columns of a token's activations: of norms, activation functions and expanded latents,
// which are cheap to compute again, and of the rest.
struct StoredColumns {
  double cheap = 0, dear = 0;
};

StoredColumns attention_columns(const MoeModel& model) {
  const Attention& a = model.attention;
  const double h = model.hidden;
  StoredColumns columns{.cheap = h, .dear = h};  // after and before the norm
  if (a.kind == AttentionKind::kMla) {
    columns.cheap += a.heads * (2.0 * (a.qk_nope_dim + a.qk_rope_dim) + a.v_dim);
    columns.dear += a.kv_lora_rank + a.qk_rope_dim + a.q_lora_rank + 1.0 * a.heads * a.v_dim;
  } else {
    columns.dear += 2.0 * (a.heads + a.kv_heads) * a.head_dim;  // query and output, key and value
  }
  columns.dear += 2.0 * a.heads;  // the scores' sums, at 32 bits
  return columns;
}

// `rows` of a token go through an FFN of so many columns.
void add_ffn(double rows, double width, int matrices, StoredColumns& columns) {
  columns.dear += rows * (matrices - 1) * width;
  columns.cheap += rows * width;  // what the activation function gives
}

StoredColumns ffn_columns(const MoeModel& model, int layer) {
  const double h = model.hidden;
  StoredColumns columns{.cheap = h, .dear = h};
  const auto& moe = model.moe_layers;
  if (std::find(moe.begin(), moe.end(), layer) == moe.end()) {
    add_ffn(1, model.dense_width, model.dense_matrices, columns);
    return columns;
  }
  columns.dear += 2.0 * model.experts;    // of the router, at 32 bits
  columns.dear += 2.0 * model.top_k * h;  // what goes to the experts and what they give
  add_ffn(model.top_k, model.expert_width, model.expert_matrices, columns);
  add_ffn(model.shared_experts, model.shared_width, model.expert_matrices, columns);
  return columns;
}

}  // namespace

LayerActivations layer_activations(const MoeModel& model, int layer, Recompute recompute) {
  StoredColumns columns = attention_columns(model);
  const StoredColumns ffn = ffn_columns(model, layer);
  columns.cheap += ffn.cheap;
  columns.dear += ffn.dear;
  const Bytes cheap(columns.cheap * kBytes), dear(columns.dear * kBytes);
  if (recompute == Recompute::kNone) return {.kept = cheap + dear};
  if (recompute == Recompute::kSelective) return {.kept = dear, .again = cheap};
  return {.kept = Bytes(model.hidden * kBytes), .again = cheap + dear};
}

}  // namespace moesim
