// Parameter counts of the model presets, against what their publishers say and against counts made
// independently (shared data).
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "sim/base/presets.hpp"
#include "sim/model/model_reader.hpp"
#include "tests/support/shared_data.hpp"

namespace moesim {
namespace {

MoeModel preset(const std::string& name) {
  Mistakes mistakes;
  const ModelSection section = read_model_section(YamlNode::scalar(name), mistakes);
  mistakes.throw_if_any();
  return section.model;
}

TEST(ModelPresets, HaveTheNameOfTheirFileAndASource) {
  const auto names = preset_names("models");
  EXPECT_EQ(names.size(), 26u);
  for (const std::string& name : names) {
    EXPECT_EQ(preset(name).name, name);
    EXPECT_GT(preset(name).source.size(), 10u) << name;
  }
}

TEST(ModelPresets, HaveThePublishedTotalWithin3Point5Percent) {
  for (const std::string& name : preset_names("models")) {
    const MoeModel model = preset(name);
    ASSERT_GT(model.published_total, 0) << name;
    EXPECT_NEAR(total_parameters(model) / model.published_total, 1, 0.035) << name;
  }
}

// Publishers differ in whether embeddings count as active.
TEST(ModelPresets, HaveThePublishedActiveCountWithOrWithoutEmbeddings) {
  for (const std::string& name : preset_names("models")) {
    const MoeModel model = preset(name);
    if (model.published_active == 0) continue;
    const double embedding = 1.0 * model.vocabulary * model.hidden;
    const double with = active_parameters(model) / model.published_active - 1;
    const double without = (active_parameters(model) - embedding) / model.published_active - 1;
    EXPECT_LT(std::min(std::fabs(with), std::fabs(without)), 0.07) << name;
  }
}

TEST(ModelPresets, AgreeExactlyWithTheCountsOfTheSharedData) {
  MOESIM_NEEDS_SHARED(file, "model_presets.json");
  const auto data = nlohmann::json::parse(std::ifstream(file));
  int dense = 0;  // which the data does not have
  for (const std::string& name : preset_names("models")) dense += preset(name).moe_layers.empty();
  EXPECT_EQ(data["models"].size() + static_cast<std::size_t>(dense), preset_names("models").size());
  for (const auto& expected : data["models"]) {
    const std::string name = expected["name"];
    const MoeModel model = preset(name);
    EXPECT_EQ(total_parameters(model), expected["computed_total_params"].get<double>()) << name;
    EXPECT_EQ(active_parameters(model),
              expected["computed_active_params_incl_embeddings"].get<double>())
        << name;
    EXPECT_EQ(expert_parameters(model), expected["expert_params"].get<double>()) << name;
    EXPECT_EQ(kv_bytes_per_token(model).value, expected["kv_bytes_per_token_bf16"].get<double>())
        << name;
    EXPECT_EQ(model.moe_layers, expected["moe_layers"].get<std::vector<int>>()) << name;
    EXPECT_EQ(model.normalize, expected["norm"].get<bool>()) << name;
    EXPECT_EQ(model.scale, expected["scale"].get<double>()) << name;
    EXPECT_EQ(model.groups, expected.value("n_group", 1)) << name;
    EXPECT_EQ(model.groups_per_token, expected.value("topk_group", 1)) << name;
  }
}

// DeepSeek-V3, by hand: 3 · 7168 · 2048 per expert; 512 + 64 values per token and layer.
TEST(ParameterCounts, AreThoseOfDeepSeekV3) {
  const MoeModel model = preset("deepseek-v3");
  EXPECT_EQ(expert_parameters(model), 44040192);
  EXPECT_EQ(total_parameters(model), 671025397760);
  EXPECT_EQ(active_parameters(model), 37551276032);
  EXPECT_EQ(kv_bytes_per_token(model).value, 61 * 576 * 2);
  EXPECT_EQ(expert_bytes(model).value, 44040192 * (1 + 4.0 / 16384));
}

TEST(ParameterCounts, KeepRoutersAndEmbeddingsOfAnFp8ModelAt16Bits) {
  const MoeModel model = preset("deepseek-v3");
  const double wide = 2.0 * 129280 * 7168 + 58.0 * 7168 * 256;
  const double narrow = total_parameters(model) - wide - 58.0 * 256 * expert_parameters(model);
  EXPECT_NEAR(replicated_bytes(model).value, 2 * wide + narrow * (1 + 4.0 / 16384), 1);
}

TEST(DTypes, HaveTheirBytes) {
  EXPECT_EQ(bytes_per_parameter(DType::kBf16), 2);
  EXPECT_EQ(bytes_per_parameter(DType::kMxfp4), 0.53125);  // 4 bits and 8 bits for 32 of them
  for (const std::string& name : dtype_names()) EXPECT_EQ(to_string(dtype_of(name)), name);
}

}  // namespace
}  // namespace moesim
