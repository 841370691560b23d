// Top-k of logits with noise (Shazeer et al. 2017 and its variants, policies.md 1.9).
//
// The noise of Shazeer's gate has a learned deviation, softplus(x · W_noise) + 0.01, which a trace
// does not hold: `noise_logit` stands for x · W_noise, 0 as it is initialised.
#include <cmath>
#include <map>

#include "sim/gate/logit_gate.hpp"
#include "sim/gate/sampling.hpp"
#include "sim/gate/top_k.hpp"

namespace moesim {
namespace {

class NoisyTopk final : public LogitGate {
 public:
  explicit NoisyTopk(const Arguments& arguments)
      : LogitGate(arguments),
        variant_(arguments.text("variant")),
        noise_logit_(static_cast<float>(arguments.number("noise_logit"))),
        epsilon_(static_cast<float>(arguments.number("epsilon"))),
        scale_(arguments.number("noise_scale")) {}

 private:
  Gating choose(const GateInput& input, std::vector<float>&) const override {
    const int experts = input.logits.experts, tokens = input.logits.tokens();
    if (variant_ == "gumbel_first" || variant_ == "gumbel_second") return with_gumbel(input);
    const std::vector<float> normals = gate_normals(input.request, tokens, experts);
    if (variant_ == "shazeer") {
      const std::vector<float> noise(normals.size(), noise_logit_);
      return noisy_topk(input.logits, input.top_k(), noise, epsilon_, normals);
    }
    const float deviation = static_cast<float>(scale_ / experts);  // vmoe, tutel
    const std::vector<float> noisy = with_noise(input.logits, std::span(&deviation, 1), normals);
    const Logits logits{.values = noisy, .experts = experts};
    return variant_ == "vmoe" ? softmax_then_topk(logits, {.top_k = input.top_k()})
                              : topk_then_softmax(logits, input.top_k());
  }

  // DeepSpeed: Gumbel noise on the choice of the first expert (RSample), or of the others.
  Gating with_gumbel(const GateInput& input) const {
    const int experts = input.logits.experts;
    const std::vector<double> uniforms =
        gate_uniforms(input.request, input.logits.tokens(), experts);
    Gating gating = softmax_then_topk(input.logits, {.top_k = input.top_k()});
    std::vector<float> noisy(static_cast<std::size_t>(experts));
    for (int token = 0; token < gating.tokens(); ++token) {
      const auto row = input.logits.of(token);
      const auto numbers = row_of(std::span<const double>(uniforms), token, experts);
      for (std::size_t e = 0; e < noisy.size(); ++e)
        noisy[e] = row[e] - static_cast<float>(std::log(-std::log(1 - numbers[e])));
      choose_with(noisy, gating, token);
    }
    return gating;
  }

  void choose_with(std::vector<float>& noisy, Gating& gating, int token) const {
    const auto ids = gating.ids_of(token);
    const auto experts = static_cast<int>(noisy.size());
    const auto scores = row_of(std::span<const float>(gating.scores), token, experts);
    const std::int16_t best = ids[0];
    if (variant_ == "gumbel_first") {
      std::int16_t first[1];
      choose_top(noisy, first);
      std::vector<float> others(scores.begin(), scores.end());
      others[static_cast<std::size_t>(first[0])] = -INFINITY;
      choose_top(others, ids.subspan(1));
      ids[0] = first[0];
    } else {
      noisy[static_cast<std::size_t>(best)] = -INFINITY;
      choose_top(noisy, ids.subspan(1));
    }
    for (std::size_t i = 0; i < ids.size(); ++i)
      gating.weights_of(token)[i] = ids[i] < 0 ? 0 : scores[static_cast<std::size_t>(ids[i])];
  }

  std::string variant_;
  float noise_logit_ = 0, epsilon_ = 0;
  double scale_ = 1;
};

const Register<Gate, NoisyTopk> kNoisyTopk{
    {.name = "noisy_topk",
     .summary = "top-k of logits with random noise",
     .source = "Shazeer et al. 2017, V-MoE, Tutel, DeepSpeed; policies.md 1.9",
     .parameters = with_common(
         {{.name = "variant",
           .type = ParameterType::kChoice,
           .doc = "shazeer: a deviation for each logit; vmoe and tutel: noise_scale / experts; "
                  "gumbel_first and gumbel_second: DeepSpeed's sampling of the first or the other "
                  "choices",
           .fallback = "shazeer",
           .choices = {"shazeer", "vmoe", "tutel", "gumbel_first", "gumbel_second"}},
          {.name = "noise_logit",
           .type = ParameterType::kNumber,
           .doc = "shazeer: the deviation is softplus of this + epsilon",
           .fallback = "0"},
          {.name = "epsilon",
           .type = ParameterType::kNumber,
           .doc = "shazeer: least deviation",
           .fallback = "0.01",
           .minimum = 0},
          {.name = "noise_scale",
           .type = ParameterType::kNumber,
           .doc = "vmoe and tutel: the deviation times the number of experts",
           .fallback = "1",
           .minimum = 0}})}};

}  // namespace
}  // namespace moesim
