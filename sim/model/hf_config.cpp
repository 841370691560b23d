// Keys and defaults as in the configuration classes of huggingface/transformers and of the models'
// own repositories. What a configuration does not say (gated experts, the kind of router weights)
// is known of its architecture.
#include "sim/model/hf_config.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "sim/model/hf_translation.hpp"

namespace moesim {
namespace {

std::string dtype_of_torch(const std::string& name) { return name == "float32" ? name : "bf16"; }

void read_dtypes(Translation& config) {
  const std::string torch = config.text("torch_dtype") + config.text("dtype");
  config.put("dtype", dtype_of_torch(torch));
  const std::string method = config.text("quantization_config.quant_method");
  if (method == "mxfp4" || method == "int8") config.put("expert_dtype", method);
  if (method == "fp8")
    config.put("dtype", config.find("quantization_config.weight_block_size") ? "fp8_block" : "fp8");
}

// What most configurations call by the same names.
void read_common(Translation& config) {
  config.need("layers", {"num_hidden_layers"});
  config.need("hidden", {"hidden_size"});
  config.need("vocabulary", {"vocab_size"});
  config.copy("tied_embeddings", "tie_word_embeddings");
  config.need("top_k", {"num_experts_per_tok", "experts_per_token"});
  config.need("experts", {"num_local_experts", "num_experts", "n_routed_experts"});
  config.need("expert_width", {"moe_intermediate_size", "intermediate_size"});
  config.need("dense_width", {"intermediate_size"});
  config.copy("normalize", "norm_topk_prob");
  config.copy("scale", "routed_scaling_factor");
  const int heads = config.integer("num_attention_heads");
  const int kv_heads = config.integer("num_key_value_heads", heads);
  config.put_attention("kind", kv_heads < heads ? "gqa" : "mha");
  config.put_attention("heads", heads);
  config.put_attention("kv_heads", kv_heads);
  if (config.find("head_dim")) config.put_attention("head_dim", config.integer("head_dim"));
}

void read_mixtral(Translation& config) {
  read_common(config);
  config.put("normalize", "true");
  if (config.find("sliding_window") == nullptr) return;
  config.put_attention("window", config.integer("sliding_window"));
  config.put_attention("windowed_layers", config.integer("num_hidden_layers"));
}

void read_grok(Translation& config) {
  read_common(config);
  if (config.find("tie_word_embeddings") == nullptr) config.put("tied_embeddings", "true");
}

void read_jamba(Translation& config) {
  read_common(config);
  const int moe_offset = config.integer("expert_layer_offset", 1);
  const int moe_period = config.integer("expert_layer_period", 2);
  config.put_layers([&](int layer) { return layer % moe_period == moe_offset % moe_period; });
  const int offset = config.integer("attn_layer_offset", 4);
  const int period = config.integer("attn_layer_period", 8);
  int with_attention = 0;
  for (int layer = 0; layer < config.integer("num_hidden_layers"); ++layer)
    with_attention += layer % period == offset % period ? 1 : 0;
  config.put_attention("attention_layers", with_attention);
  YamlNode mamba = config.at(YamlNode::map());
  for (const auto& [key, name] :
       {std::pair("state", "mamba_d_state"), std::pair("convolution", "mamba_d_conv"),
        std::pair("expand", "mamba_expand"), std::pair("rank", "mamba_dt_rank")})
    if (const YamlNode* node = config.find(name); node != nullptr && node->text != "auto")
      mamba.set(key, *node);
  config.section.set("mamba", std::move(mamba));
}

void read_dbrx(Translation& config) {
  config.need("layers", {"n_layers"});
  config.need("hidden", {"d_model"});
  config.need("vocabulary", {"vocab_size"});
  config.copy("tied_embeddings", "tie_word_embeddings");
  config.need("experts", {"ffn_config.moe_num_experts"});
  config.need("top_k", {"ffn_config.moe_top_k"});
  config.need("expert_width", {"ffn_config.ffn_hidden_size"});
  config.need("dense_width", {"ffn_config.ffn_hidden_size"});
  config.put("normalize", "true");
  config.put_attention("kind", "gqa");
  config.put_attention("heads", config.integer("n_heads"));
  config.put_attention("kv_heads", config.integer("attn_config.kv_n_heads"));
}

// DeepSeekMoE, V2, V3 and Kimi K2, and GLM-4.5 with its router of V3 but without latent attention.
void read_deepseek(Translation& config) {
  read_common(config);
  config.copy("shared_experts", "n_shared_experts");
  const int dense = config.integer("first_k_dense_replace", 0);
  const int every = config.integer("moe_layer_freq", 1);
  config.put_layers([&](int layer) { return layer >= dense && layer % every == 0; });
  config.copy("mtp_layers", "num_nextn_predict_layers");
  const std::string method = config.text("topk_method");
  if (method == "noaux_tc" || config.text("model_type") == "glm4_moe") {
    config.put("score", "sigmoid_bias");
  } else if (config.text("scoring_func") == "sigmoid") {
    config.put("score", "sigmoid");
  }
  if (method != "greedy") {
    config.copy("groups", "n_group");
    config.copy("groups_per_token", "topk_group");
  }
  if (config.find("kv_lora_rank") == nullptr) return;
  config.put_attention("kind", "mla");
  config.put_attention("q_lora_rank", config.integer("q_lora_rank", 0));
  config.put_attention("kv_lora_rank", config.integer("kv_lora_rank"));
  config.put_attention("qk_nope_dim", config.integer("qk_nope_head_dim"));
  config.put_attention("qk_rope_dim", config.integer("qk_rope_head_dim"));
  config.put_attention("v_dim", config.integer("v_head_dim"));
  std::erase_if(config.attention.entries, [](const NodeEntry& e) { return e.key == "head_dim"; });
}

void read_qwen3(Translation& config) {
  read_common(config);
  const int step = config.integer("decoder_sparse_step", 1);
  const YamlNode* dense = config.find("mlp_only_layers");
  config.put_layers([&](int layer) {
    if (dense != nullptr)
      for (const YamlNode& item : dense->items)
        if (item.text == std::to_string(layer)) return false;
    return (layer + 1) % step == 0;
  });
}

void read_gpt_oss(Translation& config) {
  read_common(config);
  config.put("score", "post_softmax");
  config.put("normalize", "true");
  const int layers = config.integer("num_hidden_layers");
  int windowed = layers / 2;
  if (const YamlNode* types = config.find("layer_types"))
    windowed = static_cast<int>(
        std::count_if(types->items.begin(), types->items.end(),
                      [](const YamlNode& type) { return type.text == "sliding_attention"; }));
  if (config.find("sliding_window") == nullptr || windowed == 0) return;
  config.put_attention("window", config.integer("sliding_window"));
  config.put_attention("windowed_layers", windowed);
}

void read_llama4(Translation& config) {
  read_common(config);
  config.need("dense_width", {"intermediate_size_mlp"});
  config.put("shared_experts", "1");
  config.put("score", "sigmoid");
  const int step = config.integer("interleave_moe_layer_step", 1);
  config.put_layers([&](int layer) { return layer % step == step - 1; });
  if (const YamlNode* layers = config.find("moe_layers"); layers && !layers->items.empty())
    config.section.set("moe_layers", *layers);
  if (config.find("attention_chunk_size") == nullptr) return;
  const int layers = config.integer("num_hidden_layers");
  int chunked = layers - layers / 4;  // every fourth layer attends to everything
  if (const YamlNode* rope = config.find("no_rope_layers"); rope && !rope->items.empty())
    chunked = static_cast<int>(std::count_if(rope->items.begin(), rope->items.end(),
                                             [](const YamlNode& one) { return one.text == "1"; }));
  config.put_attention("window", config.integer("attention_chunk_size"));
  config.put_attention("windowed_layers", chunked);
}

// Encoder and decoder as one stack; a layer of either is sparse where i % step == 1, or step == 1.
void read_switch(Translation& config) {
  const int encoder = config.integer("num_layers");
  const int decoder = config.integer("num_decoder_layers", encoder);
  config.put("layers", std::to_string(encoder + decoder));
  YamlNode sparse = config.at(YamlNode::list());
  const auto add_stack = [&](int first, int layers, int sparse_layers) {
    const int step = sparse_layers > 0 ? layers / sparse_layers : 0;
    for (int layer = 0; step > 0 && layer < layers; ++layer)
      if (step == 1 || layer % step == 1)
        sparse.items.push_back(config.at(YamlNode::scalar(std::to_string(first + layer))));
  };
  add_stack(0, encoder, config.integer("num_sparse_encoder_layers", 3));
  add_stack(encoder, decoder, config.integer("num_sparse_decoder_layers", 3));
  config.section.set("moe_layers", std::move(sparse));
  config.need("hidden", {"d_model"});
  config.need("vocabulary", {"vocab_size"});
  config.need("experts", {"num_experts"});
  config.need("expert_width", {"d_ff"});
  config.need("dense_width", {"d_ff"});
  config.put("top_k", "1");
  config.put("expert_matrices", config.text("is_gated_act") == "true" ? "3" : "2");
  config.put("tied_embeddings", config.text("tie_word_embeddings") == "false" ? "false" : "true");
  config.put_attention("kind", "mha");
  config.put_attention("heads", config.integer("num_heads"));
  config.put_attention("head_dim", config.integer("d_kv"));
  config.put_attention("cross_attention", "true");
}

struct Architecture {
  std::string model_type;
  std::string class_name;
  void (*read)(Translation&);
};

const std::vector<Architecture>& architectures() {
  static const std::vector<Architecture> all = {
      {"mixtral", "MixtralForCausalLM", read_mixtral},
      {"dbrx", "DbrxForCausalLM", read_dbrx},
      {"jamba", "JambaForCausalLM", read_jamba},
      {"grok-1", "Grok1ModelForCausalLM", read_grok},
      {"deepseek", "DeepseekForCausalLM", read_deepseek},
      {"deepseek_v2", "DeepseekV2ForCausalLM", read_deepseek},
      {"deepseek_v3", "DeepseekV3ForCausalLM", read_deepseek},
      {"kimi_k2", "DeepseekV3ForCausalLM", read_deepseek},
      {"glm4_moe", "Glm4MoeForCausalLM", read_deepseek},
      {"qwen3_moe", "Qwen3MoeForCausalLM", read_qwen3},
      {"olmoe", "OlmoeForCausalLM", read_common},
      {"gpt_oss", "GptOssForCausalLM", read_gpt_oss},
      {"llama4", "Llama4ForConditionalGeneration", read_llama4},
      {"llama4_text", "Llama4ForCausalLM", read_llama4},
      {"switch_transformers", "SwitchTransformersForConditionalGeneration", read_switch}};
  return all;
}

const Architecture& architecture_of(const YamlNode& file) {
  const YamlNode* type = file.find("model_type");
  const YamlNode* classes = file.find("architectures");
  const bool by_class = type == nullptr && classes->is_list() && !classes->items.empty();
  const YamlNode& name = type != nullptr ? *type : by_class ? classes->items.front() : *classes;
  std::vector<std::string> known;
  for (const Architecture& architecture : architectures()) {
    known.push_back(by_class ? architecture.class_name : architecture.model_type);
    if (known.back() == name.text) return architecture;
  }
  throw InputError(name.spot, fmt::format("no architecture '{}' is known", name.text),
                   hint_for(name.text, known));
}

// "config.json" is called after its folder.
std::string name_of(const YamlNode& file, const Architecture& architecture) {
  const std::filesystem::path path(file.spot.source ? file.spot.source->name : "");
  const std::string folder = path.parent_path().filename().string();
  if (path.filename() != "config.json") return path.stem().string();
  return folder.empty() ? architecture.model_type : folder;
}

}  // namespace

YamlNode section_of_hf_config(YamlNode file) {
  if (file.find("model_type") == nullptr && file.find("architectures") == nullptr) return file;
  const Architecture& architecture = architecture_of(file);
  const YamlNode* text = file.find("text_config");
  const YamlNode config = text != nullptr && text->is_map() ? *text : file;
  Translation translation(config);
  translation.put("name", name_of(file, architecture));
  translation.put("source", "Hugging Face config.json of " + architecture.model_type);
  read_dtypes(translation);
  architecture.read(translation);
  translation.section.set("attention", translation.at(std::move(translation.attention)));
  return std::move(translation.section);
}

}  // namespace moesim
