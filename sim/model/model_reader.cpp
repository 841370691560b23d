#include "sim/model/model_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "sim/base/preset_section.hpp"
#include "sim/model/hf_config.hpp"

namespace moesim {
namespace {

YamlNode number_node(int value) { return YamlNode::scalar(std::to_string(value)); }

AttentionKind attention_kind(const std::string& name) {
  if (name == "mha") return AttentionKind::kMha;
  return name == "gqa" ? AttentionKind::kGqa : AttentionKind::kMla;
}

void check_attention(const Arguments& section, const Attention& attention, int layers,
                     Mistakes& mistakes) {
  if (attention.heads % attention.kv_heads != 0)
    mistakes.add(section.spot("kv_heads"), "heads must be a multiple of kv_heads");
  if (attention.kind == AttentionKind::kMla) {
    for (const char* name : {"kv_lora_rank", "qk_nope_dim", "v_dim"})
      if (section.integer(name) == 0)
        mistakes.add(section.spot(name), fmt::format("attention 'mla' needs '{}'", name));
  }
  for (const char* name : {"attention_layers", "windowed_layers"})
    if (section.has(name) && section.integer(name) > layers)
      mistakes.add(section.spot(name), fmt::format("{} must be at most layers ({})", name, layers));
  if ((attention.window > 0) != (attention.windowed_layers > 0))
    mistakes.add(section.spot("window"), "window and windowed_layers go together");
}

Attention read_attention(const YamlNode& node, const MoeModel& model, Mistakes& mistakes,
                         YamlNode& resolved) {
  const auto parameters = attention_section_parameters();
  Mistakes own;
  const Arguments section = read_arguments(node, parameters, own, "attention");
  Attention attention;
  if (own.empty()) {
    const int heads = section.integer("heads");
    const bool latent = section.text("kind") == "mla";
    attention = {.kind = attention_kind(section.text("kind")),
                 .heads = heads,
                 .kv_heads = section.has("kv_heads") ? section.integer("kv_heads") : heads,
                 .head_dim = section.has("head_dim") ? section.integer("head_dim")
                                                     : (latent ? 0 : model.hidden / heads),
                 .q_lora_rank = section.integer("q_lora_rank"),
                 .kv_lora_rank = section.integer("kv_lora_rank"),
                 .qk_nope_dim = section.integer("qk_nope_dim"),
                 .qk_rope_dim = section.integer("qk_rope_dim"),
                 .v_dim = section.integer("v_dim"),
                 .attention_layers = section.has("attention_layers")
                                         ? section.integer("attention_layers")
                                         : model.layers,
                 .window = section.integer("window"),
                 .windowed_layers = section.integer("windowed_layers"),
                 .kv_dtype = dtype_of(section.text("kv_dtype")),
                 .cross_attention = section.flag("cross_attention")};
    check_attention(section, attention, model.layers, own);
    resolved = resolved_section(section, parameters);
    resolved.set("kv_heads", number_node(attention.kv_heads));
    if (!latent) resolved.set("head_dim", number_node(attention.head_dim));
    resolved.set("attention_layers", number_node(attention.attention_layers));
    resolved = in_declared_order(std::move(resolved), parameters);
  }
  mistakes.add(own);
  return attention;
}

Mamba read_mamba(const YamlNode& node, Mistakes& mistakes, YamlNode& resolved) {
  const auto parameters = mamba_section_parameters();
  const Arguments section = read_arguments(node, parameters, mistakes, "mamba");
  resolved = resolved_section(section, parameters);
  return {.state = section.integer("state"),
          .convolution = section.integer("convolution"),
          .expand = section.integer("expand"),
          .rank = section.integer("rank")};
}

std::vector<int> read_moe_layers(const Arguments& section, int layers, Mistakes& mistakes) {
  std::vector<int> chosen;
  if (!section.has("moe_layers")) {
    const int first = section.has("first_moe_layer") ? section.integer("first_moe_layer") : 0;
    const int every = section.has("moe_every") ? section.integer("moe_every") : 1;
    for (int layer = first; layer < layers; layer += every) chosen.push_back(layer);
    if (chosen.empty())
      mistakes.add(section.spot("first_moe_layer"),
                   fmt::format("first_moe_layer must be below layers ({})", layers));
    return chosen;
  }
  for (const char* name : {"first_moe_layer", "moe_every"})
    if (section.has(name))
      mistakes.add(section.spot(name), fmt::format("{} and moe_layers exclude each other", name));
  for (const double layer : section.numbers("moe_layers")) {
    if (layer != static_cast<int>(layer) || layer >= layers)
      mistakes.add(section.spot("moe_layers"),
                   fmt::format("moe_layers: {:g} is not a layer below {}", layer, layers));
    chosen.push_back(static_cast<int>(layer));
  }
  if (std::adjacent_find(chosen.begin(), chosen.end(), std::greater_equal<int>()) != chosen.end())
    mistakes.add(section.spot("moe_layers"), "moe_layers must be ascending");
  return chosen;
}

// How the layers are written: compactly where they are evenly spaced to the end.
void write_moe_layers(const std::vector<int>& layers, int all, YamlNode& resolved) {
  if (layers.empty()) return;
  const int first = layers.front();
  const int every = layers.size() > 1 ? layers[1] - first : std::max(1, all - first);
  std::vector<int> even;
  for (int layer = first; layer < all; layer += every) even.push_back(layer);
  if (even == layers) {
    std::erase_if(resolved.entries, [](const NodeEntry& e) { return e.key == "moe_layers"; });
    resolved.set("first_moe_layer", number_node(first));
    resolved.set("moe_every", number_node(every));
    return;
  }
  YamlNode list = YamlNode::list();
  for (const int layer : layers) list.items.push_back(number_node(layer));
  resolved.set("moe_layers", std::move(list));
}

void check_experts(const Arguments& section, const MoeModel& model, Mistakes& mistakes) {
  if (model.moe_layers.empty()) {
    for (const char* name : {"expert_width", "experts", "top_k", "shared_experts", "mtp_layers"})
      if (section.has(name) && section.integer(name) > 0)
        mistakes.add(section.spot(name), fmt::format("without MoE layers there is no '{}'", name));
  } else {
    for (const char* name : {"expert_width", "experts", "top_k"})
      if (!section.has(name))
        mistakes.add(section.section(), fmt::format("a model with MoE layers needs '{}'", name),
                     "moe_layers: [] says that it has none");
  }
  if (model.top_k > model.experts)
    mistakes.add(section.spot("top_k"),
                 fmt::format("top_k must be at most experts ({})", model.experts));
  if (model.experts % model.groups != 0)
    mistakes.add(section.spot("groups"),
                 fmt::format("experts ({}) must be a multiple of groups", model.experts));
  if (model.groups_per_token > model.groups)
    mistakes.add(section.spot("groups_per_token"),
                 fmt::format("groups_per_token must be at most groups ({})", model.groups));
  if (model.moe_layer_count() < model.layers && model.dense_width == 0)
    mistakes.add(section.spot("dense_width"), "dense_width is needed: some layers are not MoE");
}

MoeModel sizes_of(const Arguments& section) {
  const auto if_given = [&](const char* name) {
    return section.has(name) ? section.integer(name) : 0;
  };
  const int width = if_given("expert_width");
  const int matrices = section.integer("expert_matrices");
  const DType dtype = dtype_of(section.text("dtype"));
  return {
      .name = section.text("name"),
      .source = section.text("source"),
      .layers = section.integer("layers"),
      .hidden = section.integer("hidden"),
      .dense_width = section.integer("dense_width"),
      .expert_width = width,
      .experts = if_given("experts"),
      .top_k = if_given("top_k"),
      .shared_experts = section.integer("shared_experts"),
      .shared_width = section.has("shared_width") ? section.integer("shared_width") : width,
      .expert_matrices = matrices,
      .dense_matrices =
          section.has("dense_matrices") ? section.integer("dense_matrices") : matrices,
      .groups = section.integer("groups"),
      .groups_per_token = section.integer("groups_per_token"),
      .score = section.text("score"),
      .normalize = section.flag("normalize"),
      .scale = section.number("scale"),
      .dtype = dtype,
      .expert_dtype = section.has("expert_dtype") ? dtype_of(section.text("expert_dtype")) : dtype,
      .vocabulary = section.integer("vocabulary"),
      .tied_embeddings = section.flag("tied_embeddings"),
      .mtp_layers = section.integer("mtp_layers"),
      .published_total = section.number("published_total"),
      .published_active = section.number("published_active")};
}

}  // namespace

ModelSection read_model_section(const YamlNode& node, Mistakes& mistakes) {
  ModelSection result;
  PresetSection preset;
  try {
    preset = merge_presets(node, "models", section_of_hf_config);
  } catch (const InputError& error) {
    mistakes.add(error);
    return result;
  }
  result.inputs = std::move(preset.inputs);
  Mistakes own;
  const auto parameters = model_parameters();
  const Arguments section = read_arguments(preset.section, parameters, own, "model");
  YamlNode attention = YamlNode::map(), mamba = YamlNode::map();
  MoeModel& model = result.model;
  if (own.empty()) {
    model = sizes_of(section);
    model.moe_layers = read_moe_layers(section, model.layers, own);
    check_experts(section, model, own);
    model.attention = read_attention(section.tree("attention"), model, own, attention);
    const YamlNode given = section.has("mamba") ? section.tree("mamba") : YamlNode::map();
    if (model.attention_layers() < model.layers) model.mamba = read_mamba(given, own, mamba);
  }
  if (own.empty()) {
    result.resolved = resolved_section(section, parameters);
    write_moe_layers(model.moe_layers, model.layers, result.resolved);
    if (!model.moe_layers.empty())
      result.resolved.set("shared_width", number_node(model.shared_width));
    result.resolved.set("dense_matrices", number_node(model.dense_matrices));
    result.resolved.set("expert_dtype", YamlNode::scalar(to_string(model.expert_dtype)));
    result.resolved.set("attention", std::move(attention));
    if (!mamba.entries.empty()) result.resolved.set("mamba", std::move(mamba));
    result.resolved = in_declared_order(std::move(result.resolved), parameters);
  }
  mistakes.add(own);
  return result;
}

}  // namespace moesim
