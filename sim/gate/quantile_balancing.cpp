// Quantile balancing (Megatron; policies.md 1.7): top-k of score − β, where β moves after each step
// to what would have given every expert the mean load at that step's scores.
#include <fmt/format.h>

#include <algorithm>

#include "sim/gate/assignment.hpp"
#include "sim/gate/logit_gate.hpp"

namespace moesim {
namespace {

class QuantileBalancing final : public LogitGate {
 public:
  explicit QuantileBalancing(const Arguments& arguments)
      : LogitGate(arguments),
        score_(arguments.text("score") == "softmax" ? ScoreFunction::kSoftmax
                                                    : ScoreFunction::kSigmoid),
        keep_(static_cast<float>(arguments.number("ema"))) {}

  bool keeps_state() const override { return true; }

 private:
  Gating choose(const GateInput& input, std::vector<float>& beta) const override {
    const int experts = input.request.model.experts, top_k = input.top_k();
    const std::int64_t routes = static_cast<std::int64_t>(input.logits.tokens()) * top_k;
    if (routes % experts != 0 || top_k >= experts)
      throw InputError(
          spot(),
          fmt::format("quantile_balancing needs a whole mean load: {} tokens · {} do not divide "
                      "over {} experts",
                      input.logits.tokens(), top_k, experts),
          "choose workload.tokens_per_gpu so that they do");
    beta.resize(static_cast<std::size_t>(experts), 0);
    if (routes == 0) return empty_gating(0, experts, top_k);
    QuantileStep step = quantile_balancing(input.logits, top_k, score_, beta);
    for (std::size_t e = 0; e < beta.size(); ++e)
      beta[e] = keep_ * beta[e] + (1 - keep_) * step.beta[e];
    return std::move(step.gating);
  }

  ScoreFunction score_;
  float keep_ = 0;
};

const Register<Gate, QuantileBalancing> kQuantileBalancing{
    {.name = "quantile_balancing",
     .summary = "top-k of scores minus a threshold that each step moves to an even load",
     .source = "Megatron-LM; policies.md 1.7",
     .parameters = with_common({{.name = "score",
                                 .type = ParameterType::kChoice,
                                 .doc = "of an expert",
                                 .fallback = "sigmoid",
                                 .choices = {"sigmoid", "softmax"}},
                                {.name = "ema",
                                 .type = ParameterType::kNumber,
                                 .doc = "weight of the threshold before; 0 = replace it",
                                 .fallback = "0",
                                 .minimum = 0,
                                 .maximum = 1}})}};

}  // namespace
}  // namespace moesim
