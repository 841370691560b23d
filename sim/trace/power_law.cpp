// `power_law`: loads as the measured kernel tables of ai-dynamo/aiconfigurator have them
// (policies.md 1.14). The batch of a step gets whole counts by its rule (sim/model/power_law.hpp),
// which are then dealt to tokens, the most loaded expert first, and evenly to the source GPUs.
//
// The rule knows one batch only. Here the draws are a layer's popularity and stay from step to
// step, but for `step_spread`; with 0, and one GPU per rank, a step is exactly the rule's.
#include "sim/model/power_law.hpp"

#include <numeric>

#include "sim/trace/deal.hpp"
#include "sim/trace/popularity_trace.hpp"
#include "sim/trace/sized_trace.hpp"

namespace moesim {
namespace {

class PowerLaw final : public SizedTrace {
 public:
  explicit PowerLaw(const Arguments& arguments)
      : spot_(arguments.section()),
        alpha_(arguments.number("alpha")),
        step_spread_(arguments.number("step_spread")) {}

  Routing route(const RoutingRequest& request) const override {
    refuse_logits(request, spot_);
    const std::vector<int> counts =
        counts_of(request.layer, request.step, request.tokens, request.random);
    return deal_routes(list_by_count(counts), experts_, top_k_, request.tokens, request.detail);
  }

  ExpertLoad profile(int steps, std::span<const int> tokens, Random random) const override {
    ExpertLoad load(layers_, experts_);
    for (const LayerId layer : load.row_ids())
      for (int step = 1; step <= steps; ++step) {
        const std::vector<int> counts = counts_of(layer, StepId(-step), tokens, random);
        for (const ExpertId expert : load.column_ids())
          load(layer, expert) += counts[expert.index()];
      }
    return load;
  }

 private:
  std::vector<int> counts_of(LayerId layer, StepId step, std::span<const int> tokens,
                             const Random& random) const {
    const int gpus = static_cast<int>(tokens.size());
    const PowerLawShape shape{.tokens = std::accumulate(tokens.begin(), tokens.end(), 0),
                              .experts = experts_,
                              .top_k = top_k_,
                              .ranks = gpus > 0 && experts_ % gpus == 0 ? gpus : 1};
    Rng rng = popularity_stream(random, layer, PopularityStream::kLayer);
    std::vector<double> draws = power_law_draws(shape, alpha_, rng);
    spread_shares(draws, step_spread_,
                  popularity_stream(random, layer, PopularityStream::kStep, step.value));
    return power_law_routes(shape, draws);
  }

  Spot spot_;
  double alpha_ = 0, step_spread_ = 0;
};

const Register<Trace, PowerLaw> kPowerLaw{
    {.name = "power_law",
     .summary = "loads of the measured kernel tables; the heaviest rank is rank 0",
     .source = "ai-dynamo/aiconfigurator; policies.md 1.14",
     .parameters = {{.name = "alpha",
                     .type = ParameterType::kNumber,
                     .doc = "density ~ x^-alpha: 1.01 for DeepSeek-like, 1.2 for other models, 0.6 "
                            "for prefill with EPLB",
                     .fallback = "1.01",
                     .minimum = 0,
                     .maximum = 10},
                    step_spread_parameter()}}};

}  // namespace
}  // namespace moesim
