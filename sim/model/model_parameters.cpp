// The declared keys of `model:`.
#include "sim/model/model_reader.hpp"

namespace moesim {
namespace {

Parameter size(std::string name, std::string doc) {
  return {.name = std::move(name),
          .type = ParameterType::kInteger,
          .doc = std::move(doc),
          .required = true,
          .minimum = 1};
}

// `fallback` empty: may be absent, and follows from other keys then.
Parameter count(std::string name, std::string doc, std::string fallback, double minimum = 0) {
  Parameter parameter = {.name = std::move(name),
                         .type = ParameterType::kInteger,
                         .doc = std::move(doc),
                         .minimum = minimum};
  if (!fallback.empty()) parameter.fallback = std::move(fallback);
  return parameter;
}

Parameter matrices(std::string name, std::string doc, std::optional<std::string> fallback) {
  return {.name = std::move(name),
          .type = ParameterType::kInteger,
          .doc = std::move(doc),
          .fallback = std::move(fallback),
          .minimum = 2,
          .maximum = 3};
}

Parameter flag(std::string name, std::string doc) {
  return {.name = std::move(name),
          .type = ParameterType::kFlag,
          .doc = std::move(doc),
          .fallback = "false"};
}

Parameter dtype(std::string name, std::string doc, std::optional<std::string> fallback) {
  return {.name = std::move(name),
          .type = ParameterType::kChoice,
          .doc = std::move(doc),
          .fallback = std::move(fallback),
          .choices = dtype_names()};
}

Parameter published(std::string name, std::string doc) {
  return {.name = std::move(name),
          .type = ParameterType::kNumber,
          .doc = std::move(doc),
          .fallback = "0",
          .minimum = 0};
}

std::vector<Parameter> layer_parameters() {
  return {{.name = "name", .doc = "as shown in results", .fallback = "inline"},
          {.name = "source", .doc = "where the sizes are from", .fallback = "the user"},
          size("layers", "all layers; of an encoder-decoder both stacks"),
          {.name = "moe_layers",
           .type = ParameterType::kNumbers,
           .doc = "which layers are MoE, counted from 0, in place of the next two keys; [] = none",
           .minimum = 0},
          count("first_moe_layer", "the first MoE layer, counted from 0", ""),
          count("moe_every", "every how many layers from there is one MoE", "", 1),
          size("hidden", "width of the residual stream"),
          count("dense_width", "FFN width of layers that are not MoE", "0")};
}

std::vector<Parameter> moe_parameters() {
  return {count("expert_width", "FFN width of a routed expert; needed for MoE layers", "", 1),
          count("experts", "routed experts of a MoE layer; likewise", "", 1),
          count("top_k", "routed experts that a token uses; likewise", "", 1),
          count("shared_experts", "experts of a MoE layer that every token uses", "0"),
          count("shared_width", "FFN width of one shared expert; by default expert_width", "", 1),
          matrices("expert_matrices", "weight matrices of an expert: 3 = gated, 2 = plain", "3"),
          matrices("dense_matrices", "the same of a dense FFN; by default as expert_matrices", {}),
          count("groups", "expert groups, for group-limited routing", "1", 1),
          count("groups_per_token", "groups that a token may use", "1", 1),
          {.name = "score",
           .type = ParameterType::kChoice,
           .doc = "how logits become weights; post_softmax: softmax over the chosen",
           .fallback = "softmax",
           .choices = {"softmax", "post_softmax", "sigmoid", "sigmoid_bias"}},
          flag("normalize", "whether the chosen weights are divided by their sum"),
          {.name = "scale",
           .type = ParameterType::kNumber,
           .doc = "factor on the routed weights",
           .fallback = "1",
           .minimum = 0,
           .above_minimum = true}};
}

std::vector<Parameter> other_parameters() {
  return {dtype("dtype", "of attention and dense parts", "bf16"),
          dtype("expert_dtype", "of routed and shared experts; by default as dtype", {}),
          {.name = "attention",
           .type = ParameterType::kTree,
           .doc = "heads and their sizes",
           .required = true},
          {.name = "mamba",
           .type = ParameterType::kTree,
           .doc = "sizes of the layers without attention"},
          size("vocabulary", "tokens of the vocabulary"),
          flag("tied_embeddings", "whether input and output embedding are one matrix"),
          count("mtp_layers", "layers for multi-token prediction, beside `layers`", "0"),
          published("published_total", "parameters, as the publisher says; 0 = unknown"),
          published("published_active", "parameters used per token, likewise")};
}

}  // namespace

std::vector<Parameter> model_parameters() {
  std::vector<Parameter> all = layer_parameters();
  for (const auto& more : {moe_parameters(), other_parameters()})
    all.insert(all.end(), more.begin(), more.end());
  return all;
}

std::vector<Parameter> attention_section_parameters() {
  return {{.name = "kind",
           .type = ParameterType::kChoice,
           .doc = "multi-head, grouped-query, or multi-head latent (DeepSeek)",
           .required = true,
           .choices = {"mha", "gqa", "mla"}},
          size("heads", "query heads"),
          count("kv_heads", "key and value heads; by default as heads", "", 1),
          count("head_dim", "of a head (not mla); by default hidden / heads", "", 1),
          count("q_lora_rank", "mla: of the compressed query; 0 = not compressed", "0"),
          count("kv_lora_rank", "mla: of the compressed key and value", "0"),
          count("qk_nope_dim", "mla: of a head, without position", "0"),
          count("qk_rope_dim", "mla: of a head, rotated by position", "0"),
          count("v_dim", "mla: of a value head", "0"),
          count("attention_layers", "layers with attention, the rest is Mamba; by default all", ""),
          count("window", "tokens that windowed or chunked layers attend to; 0 = all", "0"),
          count("windowed_layers", "how many layers those are", "0"),
          {.name = "kv_dtype",
           .type = ParameterType::kChoice,
           .doc = "of the KV cache",
           .fallback = "bf16",
           .choices = {"bf16", "fp8"}},
          flag("cross_attention", "encoder-decoder: half of the layers attends twice")};
}

std::vector<Parameter> mamba_section_parameters() {
  return {count("state", "state of each channel", "16", 1),
          count("convolution", "taps of the convolution", "4", 1),
          count("expand", "channels / hidden", "2", 1),
          count("rank", "of the time step's projection; 0 = hidden / 16", "0")};
}

}  // namespace moesim
