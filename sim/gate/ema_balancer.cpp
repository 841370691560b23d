// EMA load balancer (policies.md 1.11): probabilities are divided by a running average of the
// experts' use. Its loss is a tenth of the deviation over experts of the mean probability.
#include <cmath>
#include <numeric>

#include "sim/gate/adjusted.hpp"
#include "sim/gate/logit_gate.hpp"
#include "sim/gate/losses.hpp"

namespace moesim {
namespace {

class EmaBalancer final : public LogitGate {
 public:
  explicit EmaBalancer(const Arguments& arguments)
      : LogitGate(arguments), smoothing_(arguments.number("smoothing")) {}

  bool keeps_state() const override { return true; }

 private:
  Gating choose(const GateInput& input, std::vector<float>& average) const override {
    const int experts = input.request.model.experts, tokens = input.logits.tokens();
    average.resize(static_cast<std::size_t>(experts), 0);
    const double mean =
        std::accumulate(average.begin(), average.end(), 0.0) / static_cast<double>(experts);
    const double epsilon = 1e-6 * tokens * input.top_k() / experts;
    std::vector<double> factor;
    for (const float use : average)
      factor.push_back(tokens > 0 ? (mean + epsilon) / (use + epsilon) : 1);
    Gating gating = adjusted_topk(input.logits, input.top_k(), factor);
    if (tokens > 0) smooth(average, balance_sums(gating, experts, 0, tokens).routes, smoothing_);
    return gating;
  }

  void add_losses(const Logits& logits, const Gating& gating, GateRecord& record) const override {
    const int tokens = gating.tokens();
    if (tokens == 0) return;
    Gating plain = gating;  // the article's softmax is the router's own
    plain.scores = score_all(ScoreFunction::kSoftmax, logits);
    const BalanceSums sums = balance_sums(plain, logits.experts, 0, tokens);
    const double even = 1.0 / logits.experts;
    double squares = 0;
    for (const double p : sums.probability) squares += (p / tokens - even) * (p / tokens - even);
    record.losses.emplace_back("ema_deviation", 0.1 * std::sqrt(squares / logits.experts));
  }

  double smoothing_ = 0.01;
};

const Register<Gate, EmaBalancer> kEmaBalancer{
    {.name = "ema_balancer",
     .summary = "probabilities over a running average of the experts' use",
     .source = "of an article, closed loop ours; policies.md 1.11",
     .parameters = with_common({{.name = "smoothing",
                                 .type = ParameterType::kNumber,
                                 .doc = "weight of the newest step in the average",
                                 .fallback = "0.01",
                                 .minimum = 0,
                                 .maximum = 1}})}};

}  // namespace
}  // namespace moesim
