// Hugging Face configurations give the same model as our presets. The texts hold the public values
// of the keys that matter, and some that do not.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "sim/model/model_reader.hpp"
#include "tests/support/sections.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moesim {
namespace {

std::string write_config(const std::string& folder, const std::string& text) {
  const auto path = process_folder().path() / folder / "config.json";
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path) << text;
  return path.string();
}

MoeModel read(const std::string& model) {
  Mistakes mistakes;
  const ModelSection section = read_model_section(YamlNode::scalar(model), mistakes);
  mistakes.throw_if_any();
  return section.model;
}

struct Case {
  std::string preset;
  std::string config;
};

class HuggingFaceConfig : public ::testing::TestWithParam<Case> {};

TEST_P(HuggingFaceConfig, GivesTheModelOfThePreset) {
  MoeModel model = read(write_config(GetParam().preset, GetParam().config));
  const MoeModel expected = read(GetParam().preset);
  EXPECT_EQ(model.name, GetParam().preset);
  model.source = expected.source;
  model.published_total = expected.published_total;
  model.published_active = expected.published_active;
  if (expected.moe_layer_count() == expected.layers) model.dense_width = expected.dense_width;
  EXPECT_EQ(total_parameters(model), total_parameters(expected));
  EXPECT_EQ(model, expected);
}

const Case kCases[] = {
    {"mixtral-8x7b", R"({"architectures": ["MixtralForCausalLM"], "model_type": "mixtral",
      "hidden_size": 4096, "intermediate_size": 14336, "num_attention_heads": 32,
      "num_key_value_heads": 8, "num_hidden_layers": 32, "num_local_experts": 8,
      "num_experts_per_tok": 2, "sliding_window": null, "rope_theta": 1000000.0,
      "tie_word_embeddings": false, "torch_dtype": "bfloat16", "vocab_size": 32000})"},
    {"dbrx", R"({"architectures": ["DbrxForCausalLM"], "model_type": "dbrx", "d_model": 6144,
      "attn_config": {"clip_qkv": 8, "kv_n_heads": 8, "model_type": ""},
      "ffn_config": {"ffn_hidden_size": 10752, "moe_num_experts": 16, "moe_top_k": 4},
      "n_heads": 48, "n_layers": 40, "vocab_size": 100352, "tie_word_embeddings": false,
      "torch_dtype": "bfloat16"})"},
    {"jamba-v0.1", R"({"architectures": ["JambaForCausalLM"], "model_type": "jamba",
      "attn_layer_offset": 4, "attn_layer_period": 8, "expert_layer_offset": 1,
      "expert_layer_period": 2, "hidden_size": 4096, "intermediate_size": 14336,
      "mamba_d_conv": 4, "mamba_d_state": 16, "mamba_dt_rank": 256, "mamba_expand": 2,
      "num_attention_heads": 32, "num_experts": 16, "num_experts_per_tok": 2,
      "num_hidden_layers": 32, "num_key_value_heads": 8, "tie_word_embeddings": false,
      "torch_dtype": "bfloat16", "vocab_size": 65536})"},
    {"deepseek-moe-16b", R"({"architectures": ["DeepseekForCausalLM"], "model_type": "deepseek",
      "first_k_dense_replace": 1, "hidden_size": 2048, "intermediate_size": 10944,
      "moe_intermediate_size": 1408, "moe_layer_freq": 1, "n_routed_experts": 64,
      "n_shared_experts": 2, "norm_topk_prob": false, "num_attention_heads": 16,
      "num_experts_per_tok": 6, "num_hidden_layers": 28, "num_key_value_heads": 16,
      "scoring_func": "softmax", "tie_word_embeddings": false, "vocab_size": 102400})"},
    {"deepseek-v2-lite", R"({"architectures": ["DeepseekV2ForCausalLM"],
      "model_type": "deepseek_v2", "first_k_dense_replace": 1, "hidden_size": 2048,
      "intermediate_size": 10944, "kv_lora_rank": 512, "moe_intermediate_size": 1408,
      "moe_layer_freq": 1, "n_group": 1, "n_routed_experts": 64, "n_shared_experts": 2,
      "norm_topk_prob": false, "num_attention_heads": 16, "num_experts_per_tok": 6,
      "num_hidden_layers": 27, "num_key_value_heads": 16, "q_lora_rank": null,
      "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "routed_scaling_factor": 1.0,
      "scoring_func": "softmax", "topk_group": 1, "topk_method": "greedy", "v_head_dim": 128,
      "vocab_size": 102400, "tie_word_embeddings": false, "torch_dtype": "bfloat16"})"},
    {"deepseek-v3", R"({"architectures": ["DeepseekV3ForCausalLM"], "model_type": "deepseek_v3",
      "first_k_dense_replace": 3, "hidden_size": 7168, "intermediate_size": 18432,
      "kv_lora_rank": 512, "moe_intermediate_size": 2048, "moe_layer_freq": 1, "n_group": 8,
      "n_routed_experts": 256, "n_shared_experts": 1, "norm_topk_prob": true,
      "num_attention_heads": 128, "num_experts_per_tok": 8, "num_hidden_layers": 61,
      "num_key_value_heads": 128, "num_nextn_predict_layers": 1, "q_lora_rank": 1536,
      "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128,
      "quantization_config": {"activation_scheme": "dynamic", "fmt": "e4m3",
        "quant_method": "fp8", "weight_block_size": [128, 128]},
      "routed_scaling_factor": 2.5, "scoring_func": "sigmoid", "topk_group": 4,
      "topk_method": "noaux_tc", "tie_word_embeddings": false, "torch_dtype": "bfloat16",
      "vocab_size": 129280})"},
    {"kimi-k2", R"({"architectures": ["DeepseekV3ForCausalLM"], "model_type": "kimi_k2",
      "first_k_dense_replace": 1, "hidden_size": 7168, "intermediate_size": 18432,
      "kv_lora_rank": 512, "moe_intermediate_size": 2048, "moe_layer_freq": 1, "n_group": 1,
      "n_routed_experts": 384, "n_shared_experts": 1, "norm_topk_prob": true,
      "num_attention_heads": 64, "num_experts_per_tok": 8, "num_hidden_layers": 61,
      "num_key_value_heads": 64, "q_lora_rank": 1536, "qk_nope_head_dim": 128,
      "qk_rope_head_dim": 64, "v_head_dim": 128,
      "quantization_config": {"quant_method": "fp8", "weight_block_size": [128, 128]},
      "routed_scaling_factor": 2.827, "scoring_func": "sigmoid", "topk_group": 1,
      "topk_method": "noaux_tc", "tie_word_embeddings": false, "vocab_size": 163840})"},
    {"glm-4.5-air", R"({"architectures": ["Glm4MoeForCausalLM"], "model_type": "glm4_moe",
      "first_k_dense_replace": 1, "head_dim": 128, "hidden_size": 4096,
      "intermediate_size": 10944, "moe_intermediate_size": 1408, "n_group": 1,
      "n_routed_experts": 128, "n_shared_experts": 1, "norm_topk_prob": true,
      "num_attention_heads": 96, "num_experts_per_tok": 8, "num_hidden_layers": 46,
      "num_key_value_heads": 8, "routed_scaling_factor": 1.0, "topk_group": 1,
      "tie_word_embeddings": false, "torch_dtype": "bfloat16", "vocab_size": 151552})"},
    {"qwen3-30b-a3b", R"({"architectures": ["Qwen3MoeForCausalLM"], "model_type": "qwen3_moe",
      "decoder_sparse_step": 1, "head_dim": 128, "hidden_size": 2048, "intermediate_size": 6144,
      "mlp_only_layers": [], "moe_intermediate_size": 768, "norm_topk_prob": true,
      "num_attention_heads": 32, "num_experts": 128, "num_experts_per_tok": 8,
      "num_hidden_layers": 48, "num_key_value_heads": 4, "sliding_window": null,
      "tie_word_embeddings": false, "torch_dtype": "bfloat16", "vocab_size": 151936})"},
    {"olmoe-1b-7b", R"({"architectures": ["OlmoeForCausalLM"], "model_type": "olmoe",
      "hidden_size": 2048, "intermediate_size": 1024, "norm_topk_prob": false,
      "num_attention_heads": 16, "num_experts": 64, "num_experts_per_tok": 8,
      "num_hidden_layers": 16, "num_key_value_heads": 16, "tie_word_embeddings": false,
      "torch_dtype": "bfloat16", "vocab_size": 50304})"},
    {"gpt-oss-20b", R"({"architectures": ["GptOssForCausalLM"], "model_type": "gpt_oss",
      "experts_per_token": 4, "head_dim": 64, "hidden_size": 2880, "intermediate_size": 2880,
      "num_attention_heads": 64, "num_experts_per_tok": 4, "num_hidden_layers": 24,
      "num_key_value_heads": 8, "num_local_experts": 32, "sliding_window": 128,
      "quantization_config": {"modules_to_not_convert": ["lm_head"], "quant_method": "mxfp4"},
      "tie_word_embeddings": false, "vocab_size": 201088})"},
    {"llama-4-maverick", R"({"architectures": ["Llama4ForConditionalGeneration"],
      "model_type": "llama4", "text_config": {"attention_chunk_size": 8192, "head_dim": 128,
        "hidden_size": 5120, "interleave_moe_layer_step": 2, "intermediate_size": 8192,
        "intermediate_size_mlp": 16384, "model_type": "llama4_text", "no_rope_layers": [],
        "num_attention_heads": 40, "num_experts_per_tok": 1, "num_hidden_layers": 48,
        "num_key_value_heads": 8, "num_local_experts": 128, "torch_dtype": "bfloat16",
        "vocab_size": 202048},
      "tie_word_embeddings": false, "vision_config": {"hidden_size": 1408}})"},
    {"grok-1", R"({"architectures": ["Grok1ModelForCausalLM"], "model_type": "grok-1",
      "hidden_size": 6144, "intermediate_size": 32768, "num_attention_heads": 48,
      "num_experts": 8, "num_experts_per_tok": 2, "num_hidden_layers": 64,
      "num_key_value_heads": 8, "tie_word_embeddings": true, "vocab_size": 131072,
      "quantization_config": {"quant_method": "int8"}})"},
    {"switch-base-128", R"({"architectures": ["SwitchTransformersForConditionalGeneration"],
      "model_type": "switch_transformers", "d_ff": 3072, "d_kv": 64, "d_model": 768,
      "expert_capacity": 64, "is_gated_act": false, "num_decoder_layers": 12,
      "num_experts": 128, "num_heads": 12, "num_layers": 12, "num_sparse_decoder_layers": 6,
      "num_sparse_encoder_layers": 6, "vocab_size": 32128})"}};

INSTANTIATE_TEST_SUITE_P(Of, HuggingFaceConfig, ::testing::ValuesIn(kCases), [](const auto& info) {
  std::string name = info.param.preset;
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  return name;
});

TEST(HuggingFaceConfigReader, PlacesWhatIsWrongInTheFile) {
  const std::string path = write_config("wrong",
                                        "{\"model_type\": \"olmoe\",\n\"num_hidden_layers\": 4,\n"
                                        "\"hidden_size\": \"wide\"}");
  EXPECT_THAT(error_of([&] { read(path); }),
              ::testing::EndsWith("wrong/config.json:1:1: error: the Hugging Face config has no "
                                  "'vocab_size'\n  {\"model_type\": \"olmoe\",\n  ^"));
}

TEST(HuggingFaceConfigReader, NamesTheNearestArchitecture) {
  const std::string path = write_config("future", "{\"model_type\": \"deepseek_v4\"}");
  EXPECT_THAT(
      error_of([&] { read(path); }),
      ::testing::EndsWith("config.json:1:16: error: no architecture 'deepseek_v4' is known\n"
                          "  {\"model_type\": \"deepseek_v4\"}\n"
                          "                 ^\n"
                          "  hint: did you mean 'deepseek_v2'?"));
}

}  // namespace
}  // namespace moesim
