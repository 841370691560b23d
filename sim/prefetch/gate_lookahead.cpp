// The next layer's gate, applied to this layer's hidden state (Mixtral-offloading; a gate that was
// trained for it, as in Pre-gated MoE, is right always). A trace has no hidden states, so each
// route is predicted rightly with a given probability, else as a random other expert; d layers
// ahead, with its d-th power (assumed).
#include <cmath>

#include "sim/prefetch/prefetch.hpp"

namespace moesim {
namespace {

class GateLookahead final : public Prefetch {
 public:
  explicit GateLookahead(const Arguments& arguments)
      : accuracy_(arguments.number("accuracy")), depth_(read_prefetch_options(arguments).depth) {}

  std::vector<Prediction> predict(const PrefetchMoment& now) override {
    std::vector<Prediction> all;
    for (int ahead = 1; ahead <= depth_ && now.layer.value + ahead < now.layers; ++ahead) {
      const LayerId layer(now.layer.value + ahead);
      const auto routes =
          guess(now.gate_of(layer), std::pow(accuracy_, ahead),
                now.random.stream(Purpose::kPrefetch, now.step.value, now.layer.value, ahead));
      for (const ExpertId expert : routes.ids())
        all.push_back({.layer = layer, .expert = expert, .score = routes[expert]});
    }
    return ranked(std::move(all));
  }

 private:
  // Predicted routes of each expert.
  static IdVector<ExpertId, double> guess(const ExpertCounts& routes, double accuracy, Rng rng) {
    IdVector<ExpertId, double> guessed(routes.columns());
    const int others = static_cast<int>(routes.columns()) - 1;
    for (const GpuId source : routes.row_ids()) {
      for (const ExpertId expert : routes.column_ids()) {
        for (int route = 0; route < routes(source, expert); ++route) {
          ExpertId taken = expert;
          if (others > 0 && rng.uniform() >= accuracy) {
            const int other = rng.below(others);
            taken = ExpertId(other < expert.value ? other : other + 1);
          }
          ++guessed[taken];
        }
      }
    }
    return guessed;
  }

  double accuracy_ = 1;
  int depth_ = 1;
};

const Register<Prefetch, GateLookahead> kGateLookahead{
    {.name = "gate_lookahead",
     .summary = "what the next layer's gate says of this layer's hidden state",
     .source = "Mixtral-offloading and Pre-gated MoE (after the papers, arXiv 2312.17238, "
               "2308.12066)",
     .parameters = with_prefetch_options({{.name = "accuracy",
                                           .type = ParameterType::kNumber,
                                           .doc = "probability that a route is predicted rightly "
                                                  "one layer ahead (assumed); 1 = a pre-gated "
                                                  "model",
                                           .fallback = "0.9",
                                           .minimum = 0,
                                           .maximum = 1}},
                                         false)}};

}  // namespace
}  // namespace moesim
