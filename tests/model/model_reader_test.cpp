#include "sim/model/model_reader.hpp"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "sim/base/presets.hpp"
#include "tests/support/sections.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moesim {
namespace {

ModelSection read(const std::string& text) {
  Mistakes mistakes;
  ModelSection section = read_model_section(section_of(text), mistakes);
  mistakes.throw_if_any();
  return section;
}

std::string mistakes_of(const std::string& text) {
  return error_of([&] { read(text); });
}

const char* const kSmall =
    "model:\n"
    "  layers: 4\n"
    "  hidden: 128\n"
    "  expert_width: 64\n"
    "  experts: 8\n"
    "  top_k: 2\n"
    "  attention: {kind: mha, heads: 4}\n"
    "  vocabulary: 1000\n";

TEST(ModelReader, ReadsAnInlineModelWithItsDefaults) {
  const MoeModel model = read(kSmall).model;
  EXPECT_EQ(model.name, "inline");
  EXPECT_EQ(model.moe_layers, (std::vector<int>{0, 1, 2, 3}));
  EXPECT_EQ(model.shared_width, 64);
  EXPECT_EQ(model.attention.head_dim, 32);
  EXPECT_EQ(model.attention.kv_heads, 4);
  EXPECT_EQ(model.dense_matrices, 3);
}

TEST(ModelReader, OverridesKeysOfAPreset) {
  const ModelSection section =
      read("model: {preset: deepseek-v3, experts: 512, attention: {heads: 64}}");
  EXPECT_EQ(section.model.experts, 512);
  EXPECT_EQ(section.model.attention.heads, 64);
  EXPECT_EQ(section.model.attention.kv_lora_rank, 512);
  EXPECT_EQ(section.model.top_k, 8);
  EXPECT_THAT(section.inputs, ::testing::ElementsAre("scenarios/models/deepseek-v3.yaml"));
}

TEST(ModelReader, TakesMoeLayersAsAListOrCompactly) {
  const std::string dense = std::string(kSmall) + "  dense_width: 256\n";
  EXPECT_EQ(read(dense + "  moe_layers: [0, 2, 3]\n").model.moe_layers,
            (std::vector<int>{0, 2, 3}));
  EXPECT_EQ(read(dense + "  first_moe_layer: 1\n  moe_every: 2\n").model.moe_layers,
            (std::vector<int>{1, 3}));
}

TEST(ModelReader, WritesASectionThatReadsBackToTheSame) {
  std::vector<std::string> texts = {std::string(kSmall) +
                                    "  dense_width: 256\n  moe_layers: [0, 2, 3]\n"};
  for (const std::string& name : preset_names("models")) texts.push_back("model: " + name);
  for (const std::string& text : texts) {
    const ModelSection first = read(text);
    YamlNode root = YamlNode::map();
    root.set("model", first.resolved);
    const ModelSection again = read(write_yaml(root));
    EXPECT_EQ(again.model, first.model) << text;
    EXPECT_EQ(write_yaml(again.resolved), write_yaml(first.resolved)) << text;
    EXPECT_TRUE(again.inputs.empty());
  }
}

TEST(ModelReader, NamesTheNearestKeyForAnUnknownOne) {
  EXPECT_EQ(mistakes_of(std::string(kSmall) + "  topk: 2\n"),
            "test.yaml:9:3: error: model has no key 'topk'\n"
            "    topk: 2\n"
            "    ^\n"
            "  hint: did you mean 'top_k'?");
}

TEST(ModelReader, NamesTheNearestPreset) {
  EXPECT_EQ(mistakes_of("model: deepseek-v33"),
            "test.yaml:1:8: error: no preset 'deepseek-v33' in models\n"
            "  model: deepseek-v33\n"
            "         ^\n"
            "  hint: did you mean 'deepseek-v3'?");
}

TEST(ModelReader, PlacesMistakesOfAnOverrideInTheScenario) {
  EXPECT_EQ(mistakes_of("model: {preset: mixtral-8x7b, top_k: 9}"),
            "test.yaml:1:38: error: top_k must be at most experts (8)\n"
            "  model: {preset: mixtral-8x7b, top_k: 9}\n"
            "                                       ^");
}

TEST(ModelReader, CollectsSeveralMistakes) {
  const std::string text = mistakes_of(std::string(kSmall) +
                                       "  groups: 3\n"
                                       "  first_moe_layer: 1\n");
  EXPECT_THAT(text, ::testing::HasSubstr("experts (8) must be a multiple of groups"));
  EXPECT_THAT(text, ::testing::HasSubstr("dense_width is needed: some layers are not MoE"));
}

TEST(ModelReader, RefusesAPresetThatBuildsOnItself) {
  const auto path = process_folder().path() / "circle.yaml";
  std::ofstream(path) << "preset: " << path.string() << "\n";
  EXPECT_THAT(mistakes_of("model: " + path.string()), ::testing::HasSubstr("builds on itself"));
}

}  // namespace
}  // namespace moesim
