// The gates against cases made with the original implementations (../shared/data).
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "kernels/gate_math.hpp"
#include "tests/kernels/gate_runs.hpp"
#include "tests/support/shared_data.hpp"

namespace moesim::kernels {
namespace {

using Json = nlohmann::json;

std::vector<float> flat(const Json& inputs, const char* key) {
  std::vector<float> values;
  if (!inputs.contains(key)) return values;
  for (const Json& row : inputs[key])
    if (row.is_array())
      for (const Json& value : row) values.push_back(value.get<float>());
    else
      values.push_back(row.get<float>());
  return values;
}

// The integer, or 1 where it is missing or null.
int count_of(const Json& params, const char* key) {
  return params.contains(key) && params[key].is_number() ? params[key].get<int>() : 1;
}

std::optional<GateKind> kind_of(const Json& params) {
  const std::string policy = params["policy"];
  if (policy == "topk_softmax" || policy == "group_limited_softmax")
    return GateKind::kSoftmaxThenTopk;
  if (policy == "noaux_tc" || policy == "group_limited_sigmoid_bias") return GateKind::kSigmoid;
  if (policy == "noisy_topk") return GateKind::kNoisyTopk;
  if (policy != "megatron_topk") return std::nullopt;
  const std::string function = params["score_function"];
  if (function == "sigmoid") return GateKind::kSigmoid;
  if (function == "sqrtsoftplus") return GateKind::kSqrtSoftplus;
  return params["use_pre_softmax"].get<bool>() ? GateKind::kSoftmaxThenTopk
                                               : GateKind::kTopkThenSoftmax;
}

// The rule of a case, where our gates have it.
std::optional<GateRule> rule_of(const Json& test) {
  const Json& params = test["params"];
  const std::optional<GateKind> kind = kind_of(params);
  if (!kind || !test["expected"].contains("topk_weights")) return std::nullopt;
  GateRule rule{.kind = *kind,
                .experts = static_cast<int>(test["inputs"]["logits"][0].size()),
                .top_k = params["topk"],
                .groups = count_of(params, "num_groups"),
                .groups_kept = params.contains("group_topk") ? count_of(params, "group_topk")
                                                             : count_of(params, "topk_groups")};
  // Megatron divides the scores of score functions other than softmax by their sum.
  const bool megatron = params["policy"] == "megatron_topk";
  rule.renormalize = megatron ? weighs_by_score(rule.kind) && rule.top_k > 1
                              : params.value("normalize", Json(false)) != Json(false);
  const Json scale = params.value(megatron ? "scaling_factor" : "route_scale", Json());
  if (scale.is_number()) rule.scaling_factor = scale;
  if (params.value("group_score", "") == "max") rule.group_score = GroupScore::kMax;
  // "sum of the top (topk // group_topk) scores" is the top two in all cases with groups.
  if (megatron && rule.groups > 1 && rule.top_k / rule.groups_kept != 2) return std::nullopt;
  return rule;
}

void expect_case(const Backend& backend, const Json& test, const GateRule& rule) {
  SCOPED_TRACE(test["name"].get<std::string>());
  const Json& inputs = test["inputs"];
  const GateOutputs outputs =
      route(backend, GateInputs{.rule = rule,
                                .tokens = static_cast<int>(inputs["logits"].size()),
                                .logits = flat(inputs, "logits"),
                                .bias = flat(inputs, "bias"),
                                .noise_logits = flat(inputs, "noise_logits"),
                                .normals = flat(inputs, "standard_normal")});
  std::size_t at = 0;
  for (const Json& row : test["expected"]["topk_ids"])
    for (const Json& id : row) EXPECT_EQ(outputs.ids[at++], id.get<int>());
  at = 0;
  for (const Json& row : test["expected"]["topk_weights"])
    for (const Json& value : row) {
      const float expected = value;
      EXPECT_NEAR(outputs.weights[at++], expected, 1e-5 + 1e-4 * std::abs(expected));
    }
}

void expect_golden(const Backend& backend) {
  MOESIM_NEEDS_SHARED(file, "gating_golden.json");
  const Json golden = Json::parse(std::ifstream(file));
  std::set<std::string> seen;
  for (const Json& test : golden["cases"]) {
    const std::optional<GateRule> rule = rule_of(test);
    if (!rule) continue;
    seen.insert(test["name"]);
    expect_case(backend, test, *rule);
  }
  EXPECT_GE(seen.size(), 24u);
  for (const char* name :
       {"dsv3_gate_v3_shape_small", "dsv2_gate_v2_40e", "hf_v2_greedy_norm",
        "megatron_mixtral_post_softmax", "megatron_sigmoid_top1_llama4", "megatron_sqrtsoftplus_v4",
        "megatron_group_limited_topk6_g3", "noisy_topk_shazeer"})
    EXPECT_TRUE(seen.contains(name)) << name;
}

class GateGolden : public OnBackend {};

TEST_P(GateGolden, RoutesAsTheOriginalImplementationsDo) { expect_golden(fast_); }

TEST(GateGoldenReference, RoutesAsTheOriginalImplementationsDo) {
  expect_golden(make_backend("cpu_reference"));
}

MOESIM_ON_ALL_BACKENDS(GateGolden);

}  // namespace
}  // namespace moesim::kernels
