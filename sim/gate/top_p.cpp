// Dynamic k: a token asks for the fewest experts whose probabilities sum to p (after Huang et al.
// 2024, "Harder tasks need more experts"; policies.md 1.13).
#include <algorithm>

#include "sim/gate/logit_gate.hpp"

namespace moesim {
namespace {

class TopP final : public LogitGate {
 public:
  explicit TopP(const Arguments& arguments) : LogitGate(arguments), arguments_(arguments) {}

 private:
  Gating choose(const GateInput& input, std::vector<float>&) const override {
    const int experts = input.logits.experts, tokens = input.logits.tokens();
    const int most =
        arguments_.has("most") ? std::min(arguments_.integer("most"), experts) : experts;
    const auto share = static_cast<float>(arguments_.number("p"));
    Gating all = empty_gating(tokens, experts, most);
    all.scores = score_all(ScoreFunction::kSoftmax, input.logits);
    int widest = 1;
    for (int token = 0; token < tokens; ++token) {
      const auto scores = row_of(std::span<const float>(all.scores), token, experts);
      const auto ids = all.ids_of(token);
      choose_top(scores, ids);
      float sum = 0;
      int used = 0;
      for (std::size_t i = 0; i < ids.size() && ids[i] >= 0; ++i) {
        if (sum >= share) {
          std::fill(ids.begin() + static_cast<std::ptrdiff_t>(i), ids.end(), std::int16_t{-1});
          break;
        }
        sum += all.weights_of(token)[i] = scores[static_cast<std::size_t>(ids[i])];
        ++used;
      }
      widest = std::max(widest, used);
    }
    return narrowed(std::move(all), widest);
  }

  // No wider than the token with the most experts.
  static Gating narrowed(Gating all, int width) {
    Gating gating{.top_k = width};
    for (int token = 0; token < all.tokens(); ++token) {
      const auto kept = static_cast<std::size_t>(width);
      const auto ids = all.ids_of(token).first(kept);
      const auto weights = all.weights_of(token).first(kept);
      gating.ids.insert(gating.ids.end(), ids.begin(), ids.end());
      gating.weights.insert(gating.weights.end(), weights.begin(), weights.end());
    }
    gating.scores = std::move(all.scores);
    return gating;
  }

  Arguments arguments_;
};

const Register<Gate, TopP> kTopP{
    {.name = "top_p",
     .summary = "as few experts as have a given share of the probability",
     .source = "after Huang et al. 2024; policies.md 1.13",
     .parameters = with_common({{.name = "p",
                                 .type = ParameterType::kNumber,
                                 .doc = "share of the probability",
                                 .fallback = "0.4",
                                 .minimum = 0,
                                 .maximum = 1,
                                 .above_minimum = true},
                                {.name = "most",
                                 .type = ParameterType::kInteger,
                                 .doc = "most experts of a token; default: all",
                                 .minimum = 1}})}};

}  // namespace
}  // namespace moesim
