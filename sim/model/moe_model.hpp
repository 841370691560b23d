// The sizes of a Mixture-of-Experts model, and what follows from them: parameters and bytes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/base/units.hpp"

namespace moesim {

enum class DType { kFloat32, kBf16, kFp8, kFp8Block, kInt8, kMxfp4 };

// Bytes of one parameter, block scales included (fp8_block: one float32 per 128 × 128; mxfp4: 4.25
// bits).
double bytes_per_parameter(DType dtype);
std::string to_string(DType dtype);  // "bf16", "fp8_block", …
std::vector<std::string> dtype_names();
DType dtype_of(const std::string& name);  // one of the names

enum class AttentionKind { kMha, kGqa, kMla };

struct Attention {
  bool operator==(const Attention&) const = default;

  AttentionKind kind = AttentionKind::kMha;
  int heads = 0;
  int kv_heads = 0;
  int head_dim = 0;
  // MLA only; 0 = no low-rank query projection.
  int q_lora_rank = 0;
  int kv_lora_rank = 0;
  int qk_nope_dim = 0;
  int qk_rope_dim = 0;
  int v_dim = 0;
  int attention_layers = -1;  // layers with attention; the others are Mamba. −1 = all
  int window = 0;             // tokens that windowed or chunked layers attend to; 0 = all
  int windowed_layers = 0;
  DType kv_dtype = DType::kBf16;  // of the KV cache
  bool cross_attention = false;   // encoder-decoder: the second half of the layers attends twice
};

// A layer without attention (Jamba): the sizes of Mamba 1.
struct Mamba {
  bool operator==(const Mamba&) const = default;

  int state = 16;       // of each channel
  int convolution = 4;  // taps
  int expand = 2;       // channels / hidden
  int rank = 0;         // of the time step's projection; 0 = hidden / 16
};

struct MoeModel {
  std::string name;
  std::string source;  // where the sizes are from
  int layers = 0;
  std::vector<int> moe_layers;  // which of the layers, ascending; LayerId counts these
  int hidden = 0;
  int dense_width = 0;   // FFN width of a layer that is not MoE
  int expert_width = 0;  // I of a routed expert
  int experts = 0;       // routed experts per MoE layer
  int top_k = 0;
  int shared_experts = 0;
  int shared_width = 0;     // I of one shared expert
  int expert_matrices = 3;  // 3 = gated (gate, up, down), 2 = plain
  int dense_matrices = 3;
  int groups = 1;  // expert groups, and how many of them a token may use
  int groups_per_token = 1;
  std::string score = "softmax";      // softmax, post_softmax, sigmoid, sigmoid_bias
  bool normalize = false;             // weights of the chosen experts divided by their sum
  double scale = 1;                   // factor on the routed weights
  DType dtype = DType::kBf16;         // attention and dense parts
  DType expert_dtype = DType::kBf16;  // routed and shared experts
  Attention attention;
  Mamba mamba;
  int vocabulary = 0;
  bool tied_embeddings = false;
  // Layers for multi-token prediction that the weights have, and those that run: these are the last
  // of `layers`.
  int mtp_layers = 0, mtp_in_use = 0;
  double published_total = 0;   // parameters, as the publisher says; 0 = unknown
  double published_active = 0;  // parameters used per token; 0 = unknown

  int attention_layers() const {
    return attention.attention_layers < 0 ? layers : attention.attention_layers;
  }
  int moe_layer_count() const { return static_cast<int>(moe_layers.size()); }
  bool is_mtp(int layer) const { return layer >= layers - mtp_in_use; }
  bool operator==(const MoeModel&) const = default;
};

// With the first `count` of its layers for multi-token prediction, which are MoE layers with all
// that such a layer has, and a projection of embedding and hidden state to one (DeepSeek-V3).
MoeModel with_mtp_layers(MoeModel model, int count);

// Parameter counts, without norms and biases (but for that of Mamba's convolution), and without
// layers for multi-token prediction that do not run.
double expert_parameters(const MoeModel& model);     // of one routed expert
double attention_parameters(const MoeModel& model);  // of one layer with attention
double mamba_parameters(const MoeModel& model);      // of one layer without
double total_parameters(const MoeModel& model);
double active_parameters(const MoeModel& model);  // per token, embeddings included

// Weight bytes of one routed expert, and of everything that is on every GPU (attention, dense FFN,
// routers, shared experts, embeddings). Routers and embeddings stay at 16 bits in an 8-bit model.
Bytes expert_bytes(const MoeModel& model);
Bytes replicated_bytes(const MoeModel& model);

// KV-cache bytes of one token over all layers.
Bytes kv_bytes_per_token(const MoeModel& model);

}  // namespace moesim
