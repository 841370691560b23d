// BASE layers (Lewis et al. 2021; fairseq; policies.md 1.12): in training, tokens and experts are
// assigned to each other so that every expert gets the same number of tokens and the sum of scores
// is largest. One expert a token, whatever the model's k; its weight is the sigmoid of the logit.
//
// fairseq finds it by an auction; here it is the exact optimum (sim/solve/balanced_assignment.hpp).
// Where the tokens do not divide by the experts, none has more than the quotient rounded up. At
// inference a token takes its best expert: the gate `switch`.
#include <algorithm>
#include <cmath>

#include "sim/gate/by_source.hpp"
#include "sim/gate/logit_gate.hpp"
#include "sim/solve/balanced_assignment.hpp"

namespace moesim {
namespace {

constexpr double kWorst = -1e30;

Gating assign_evenly(const Logits& logits) {
  const auto tokens = static_cast<std::size_t>(logits.tokens());
  const auto experts = static_cast<std::size_t>(logits.experts);
  Matrix score(tokens, experts);
  // An expert that no token may ask for (its logits are −∞) takes none.
  std::vector<bool> open(experts);
  for (std::size_t t = 0; t < tokens; ++t)
    for (std::size_t e = 0; e < experts; ++e) {
      const float logit = logits.values[t * experts + e];
      if (std::isfinite(logit)) open[e] = true;
      score(t, e) = std::max(static_cast<double>(logit), kWorst);
    }
  const auto takers = static_cast<std::size_t>(std::count(open.begin(), open.end(), true));
  std::vector<int> room(experts);
  for (std::size_t e = 0; e < experts; ++e)
    if (open[e]) room[e] = static_cast<int>((tokens + takers - 1) / takers);
  const std::vector<int> expert_of = balanced_assignment(score, room);
  Gating gating = empty_gating(logits.tokens(), logits.experts, 1);
  gating.scores = score_all(ScoreFunction::kSigmoid, logits);
  for (std::size_t t = 0; t < tokens; ++t) {
    const auto expert = static_cast<std::size_t>(expert_of[t]);
    gating.ids[t] = static_cast<std::int16_t>(expert);
    gating.weights[t] = gating.scores[t * experts + expert];
  }
  return gating;
}

class Base final : public LogitGate {
 public:
  explicit Base(const Arguments& arguments)
      : LogitGate(arguments), all_(arguments.text("scope") == "all") {}

  std::string caution() const override {
    return "base balances over a batch in training, and shuffles tokens over the ranks first: that "
           "all-to-all is not charged; at inference a token takes its best expert (gate: switch)";
  }

 private:
  Gating choose(const GateInput& input, std::vector<float>&) const override {
    return all_ ? assign_evenly(input.logits) : gate_by_source(input, assign_evenly);
  }

  bool all_ = false;
};

const Register<Gate, Base> kBase{
    {.name = "base",
     .summary = "tokens and experts assigned evenly, with the largest sum of scores",
     .source = "Lewis et al. 2021, fairseq; policies.md 1.12",
     .parameters = with_common({{.name = "scope",
                                 .type = ParameterType::kChoice,
                                 .doc = "tokens that are assigned together: of a source GPU, as "
                                        "fairseq does after its shuffle, or of all GPUs",
                                 .fallback = "source",
                                 .choices = {"source", "all"}}})}};

}  // namespace
}  // namespace moesim
