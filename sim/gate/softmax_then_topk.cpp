// Softmax over all experts, then top-k, with a limit on expert groups where the model has one
// (OLMoE, Qwen3-MoE, DeepSeek-V2's group_limited_greedy; Switch with k = 1).
//
// A group's score is its largest probability. With a group for each GPU this is device-limited
// routing, with one for each node it is node-limited routing.
#include "sim/gate/group_parameters.hpp"
#include "sim/gate/logit_gate.hpp"

namespace moesim {
namespace {

class SoftmaxThenTopk final : public LogitGate {
 public:
  explicit SoftmaxThenTopk(const Arguments& arguments)
      : LogitGate(arguments), arguments_(arguments), groups_(arguments) {}

 private:
  Gating choose(const GateInput& input, std::vector<float>&) const override {
    const MoeModel& model = input.request.model;
    const bool normalize =
        arguments_.has("normalize") ? arguments_.flag("normalize") : model.normalize;
    double scale = arguments_.has("scale") ? arguments_.number("scale") : model.scale;
    if (normalize && arguments_.flag("normalize_instead_of_scale")) scale = 1;
    return softmax_then_topk(input.logits, {.top_k = input.top_k(),
                                            .normalize = normalize,
                                            .epsilon = 1e-20F,
                                            .scale = static_cast<float>(scale),
                                            .limit = groups_.limit(model, 1)});
  }

  Arguments arguments_;
  GroupChoice groups_;
};

std::vector<Parameter> parameters() {
  std::vector<Parameter> all = weight_parameters();
  all.push_back({.name = "normalize_instead_of_scale",
                 .type = ParameterType::kFlag,
                 .doc = "weights over their sum get no factor (Hugging Face's DeepSeek-V2 code)",
                 .fallback = "false"});
  for (Parameter& parameter : group_parameters()) all.push_back(std::move(parameter));
  return with_common(std::move(all));
}

const Register<Gate, SoftmaxThenTopk> kSoftmaxThenTopk{
    {.name = "softmax_then_topk",
     .summary = "top-k of the softmax over all experts, within the best expert groups",
     .source = "OLMoE, Qwen3-MoE, DeepSeek-V2, Switch; policies.md 1.1, 1.4",
     .parameters = parameters()}};

}  // namespace
}  // namespace moesim
