// DeepSeek-V3's `noaux_tc`: sigmoid scores, a bias that only selects, a limit on expert groups, and
// weights over their sum, times a factor (policies.md 1.5).
//
// The bias balances without a loss: after each step it goes up by a small rate where an expert had
// less than the mean load, and down where it had more (1.6). It starts at 0; a trained bias is part
// of the logits' model and is not in a trace.
#include "sim/gate/group_parameters.hpp"
#include "sim/gate/logit_gate.hpp"
#include "sim/gate/losses.hpp"

namespace moesim {
namespace {

class DeepseekV3 final : public LogitGate {
 public:
  explicit DeepseekV3(const Arguments& arguments)
      : LogitGate(arguments),
        arguments_(arguments),
        groups_(arguments),
        rate_(arguments.number("bias_update")),
        update_steps_(arguments.integer("bias_update_steps")) {}

  bool keeps_state() const override { return rate_ > 0; }

 private:
  Gating choose(const GateInput& input, std::vector<float>& bias) const override {
    const MoeModel& model = input.request.model;
    const bool normalize = !arguments_.has("normalize") || arguments_.flag("normalize");
    const double scale = arguments_.has("scale") ? arguments_.number("scale") : model.scale;
    if (keeps_state()) bias.resize(static_cast<std::size_t>(model.experts), 0);
    const Gating gating = deepseek_v3(input.logits, bias,
                                      {.top_k = input.top_k(),
                                       .normalize = normalize,
                                       .epsilon = 1e-20F,
                                       .scale = static_cast<float>(scale),
                                       .limit = groups_.limit(model, 2)});
    const bool updates = update_steps_ == 0 || input.request.step.value < update_steps_;
    if (keeps_state() && updates && gating.tokens() > 0)
      bias = updated_bias(bias, balance_sums(gating, model.experts, 0, gating.tokens()).routes,
                          static_cast<float>(rate_));
    return gating;
  }

  Arguments arguments_;
  GroupChoice groups_;
  double rate_ = 0;
  int update_steps_ = 0;
};

std::vector<Parameter> parameters() {
  std::vector<Parameter> all = weight_parameters();
  all[0].doc = "divide a token's weights by their sum; default: true";
  all.push_back({.name = "bias_update",
                 .type = ParameterType::kNumber,
                 .doc = "how far the bias of an expert moves after each step; 0 = no bias "
                        "(DeepSeek-V3 was trained with 0.001)",
                 .fallback = "0",
                 .minimum = 0,
                 .maximum = 1});
  all.push_back({.name = "bias_update_steps",
                 .type = ParameterType::kInteger,
                 .doc = "steps, warm-up included, after which the bias stays; 0 = never",
                 .fallback = "0",
                 .minimum = 0});
  for (Parameter& parameter : group_parameters()) all.push_back(std::move(parameter));
  return with_common(std::move(all));
}

const Register<Gate, DeepseekV3> kDeepseekV3{
    {.name = "deepseek_v3",
     .summary = "sigmoid, group limit, and a bias that balances without a loss (noaux_tc)",
     .source = "DeepSeek-V3, Kimi-K2, GLM-4.5; policies.md 1.5, 1.6",
     .parameters = parameters()}};

}  // namespace
}  // namespace moesim
