#include "sim/model/moe_model.hpp"

#include <algorithm>
#include <map>

#include "sim/base/check.hpp"

namespace moesim {
namespace {

const std::map<DType, std::string>& names() {
  static const std::map<DType, std::string> all = {
      {DType::kFloat32, "float32"},    {DType::kBf16, "bf16"}, {DType::kFp8, "fp8"},
      {DType::kFp8Block, "fp8_block"}, {DType::kInt8, "int8"}, {DType::kMxfp4, "mxfp4"}};
  return all;
}

double shared_parameters(const MoeModel& model) {  // of one MoE layer
  return 1.0 * model.shared_experts * model.expert_matrices * model.hidden * model.shared_width;
}

double router_parameters(const MoeModel& model) { return 1.0 * model.hidden * model.experts; }

double embedding_parameters(const MoeModel& model) {
  return 1.0 * model.vocabulary * model.hidden * (model.tied_embeddings ? 1 : 2);
}

// Attention and Mamba of all layers, and the FFN of those that are not MoE.
double backbone_parameters(const MoeModel& model) {
  const double with_attention = model.attention_layers();
  const double crossed = model.attention.cross_attention ? model.layers / 2 : 0;
  const double dense_layers = model.layers - model.moe_layer_count();
  return (with_attention + crossed) * attention_parameters(model) +
         (model.layers - with_attention) * mamba_parameters(model) +
         dense_layers * model.dense_matrices * model.hidden * model.dense_width +
         2.0 * model.mtp_in_use * model.hidden * model.hidden;
}

}  // namespace

double bytes_per_parameter(DType dtype) {
  switch (dtype) {
    case DType::kFloat32:
      return 4;
    case DType::kBf16:
      return 2;
    case DType::kFp8:
    case DType::kInt8:
      return 1;
    case DType::kFp8Block:
      return 1 + 4.0 / (128 * 128);
    case DType::kMxfp4:
      return 4.25 / 8;
  }
  return 0;
}

std::string to_string(DType dtype) { return names().at(dtype); }

std::vector<std::string> dtype_names() {
  std::vector<std::string> all;
  for (const auto& [dtype, name] : names()) all.push_back(name);
  return all;
}

DType dtype_of(const std::string& name) {
  const auto found = std::find_if(names().begin(), names().end(),
                                  [&](const auto& entry) { return entry.second == name; });
  MOESIM_CHECK(found != names().end(), "dtypes are read as a choice");
  return found->first;
}

double expert_parameters(const MoeModel& model) {
  return 1.0 * model.expert_matrices * model.hidden * model.expert_width;
}

double attention_parameters(const MoeModel& model) {
  const Attention& at = model.attention;
  const double hidden = model.hidden, heads = at.heads;
  if (at.kind != AttentionKind::kMla)
    return 2 * hidden * heads * at.head_dim + 2 * hidden * at.kv_heads * at.head_dim;
  const double query_width = heads * (at.qk_nope_dim + at.qk_rope_dim);
  const double query =
      at.q_lora_rank > 0 ? (hidden + query_width) * at.q_lora_rank : hidden * query_width;
  const double compress = hidden * (at.kv_lora_rank + at.qk_rope_dim);
  const double expand = at.kv_lora_rank * heads * (at.qk_nope_dim + at.v_dim);
  return query + compress + expand + heads * at.v_dim * hidden;
}

double mamba_parameters(const MoeModel& model) {
  const Mamba& mamba = model.mamba;
  const double hidden = model.hidden;
  const double channels = mamba.expand * hidden;
  const double rank = mamba.rank > 0 ? mamba.rank : model.hidden / 16;
  const double projections = 2 * hidden * channels + channels * hidden;  // in, out
  const double selection = channels * (rank + 2.0 * mamba.state) + rank * channels;
  const double per_channel = mamba.convolution + 1 + mamba.state + 1;  // with bias; A and D
  return projections + selection + channels * per_channel;
}

double total_parameters(const MoeModel& model) {
  const double moe_layer = model.experts * expert_parameters(model) + shared_parameters(model) +
                           router_parameters(model);
  return backbone_parameters(model) + model.moe_layer_count() * moe_layer +
         embedding_parameters(model);
}

double active_parameters(const MoeModel& model) {
  const double unused = 1.0 * (model.experts - model.top_k) * expert_parameters(model);
  return total_parameters(model) - model.moe_layer_count() * unused;
}

Bytes expert_bytes(const MoeModel& model) {
  return Bytes(expert_parameters(model) * bytes_per_parameter(model.expert_dtype));
}

Bytes replicated_bytes(const MoeModel& model) {
  const double wide = std::max(2.0, bytes_per_parameter(model.dtype));
  const double moe_layers = model.moe_layer_count();
  return Bytes(backbone_parameters(model) * bytes_per_parameter(model.dtype) +
               moe_layers * shared_parameters(model) * bytes_per_parameter(model.expert_dtype) +
               (moe_layers * router_parameters(model) + embedding_parameters(model)) * wide);
}

MoeModel with_mtp_layers(MoeModel model, int count) {
  for (int i = 0; i < count; ++i) model.moe_layers.push_back(model.layers + i);
  model.layers += count;
  model.mtp_in_use += count;
  if (model.attention.attention_layers >= 0) model.attention.attention_layers += count;
  return model;
}

Bytes kv_bytes_per_token(const MoeModel& model) {
  const Attention& at = model.attention;
  const double per_layer = at.kind == AttentionKind::kMla ? at.kv_lora_rank + at.qk_rope_dim
                                                          : 2.0 * at.kv_heads * at.head_dim;
  return Bytes(per_layer * bytes_per_parameter(at.kv_dtype) * model.attention_layers());
}

}  // namespace moesim
