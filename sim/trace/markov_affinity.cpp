// `markov_affinity`: a token's experts in one layer say which ones it asks for in the next
// (policies.md 1.14; the affinity between layers that ExFlow places by).
//
// Every expert has a successor in the next layer, drawn as a permutation per layer. Each choice of
// a token goes to the successor of its expert in the layer before with probability `affinity`, else
// to an expert drawn by the layer's log-normal popularity; so does a choice whose successor the
// token has already. The first layer is drawn by popularity alone. So the transition matrix is
//   P[e][f] = affinity · [f is e's successor] + (1 − affinity) · popularity[f]
// for one choice, and nearly that where a token's choices must differ. Tokens are independent, of
// all sources and steps alike. Ids are always drawn, as counts have no memory.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "sim/trace/popularity_trace.hpp"
#include "sim/trace/sized_trace.hpp"

namespace moesim {
namespace {

constexpr int kProfileTokens = 16384;  // of a step, over all sources

// Draws one expert at a time.
class OneByOne {
 public:
  explicit OneByOne(std::span<const double> weights) : sums_(weights.size()) {
    std::partial_sum(weights.begin(), weights.end(), sums_.begin());
  }
  std::int16_t draw(Rng& rng) const {
    const double at = rng.uniform() * sums_.back();
    const auto found = std::upper_bound(sums_.begin(), sums_.end() - 1, at);
    return static_cast<std::int16_t>(found - sums_.begin());
  }

 private:
  std::vector<double> sums_;
};

class MarkovAffinity final : public SizedTrace {
 public:
  explicit MarkovAffinity(const Arguments& arguments)
      : spot_(arguments.section()),
        sigma_(arguments.number("sigma")),
        affinity_(arguments.number("affinity")) {}

  Routing route(const RoutingRequest& request) const override {
    refuse_logits(request, spot_);
    Routing routing{.top_k = top_k_, .first_token = first_tokens(request.tokens)};
    routing.ids = ids_of(request);
    routing.counts = count_routes(routing, experts_);
    return routing;
  }

  // Of some of each source's tokens where there are many, scaled to all of them.
  ExpertLoad profile(int steps, std::span<const int> tokens, Random random) const override {
    ExpertLoad load(layers_, experts_);
    const int all = std::accumulate(tokens.begin(), tokens.end(), 0);
    const double share = std::min(1.0, static_cast<double>(kProfileTokens) / std::max(1, all));
    std::vector<int> some;
    for (const int count : tokens) some.push_back(static_cast<int>(std::ceil(count * share)));
    const double drawn = std::accumulate(some.begin(), some.end(), 0);
    for (int step = 1; step <= steps; ++step)
      for (const LayerId layer : load.row_ids()) {
        const auto counts = expert_load(
            route({.step = StepId(-step), .layer = layer, .tokens = some, .random = random})
                .counts);
        for (const ExpertId expert : counts.ids())
          load(layer, expert) += static_cast<double>(counts[expert]) * all / drawn;
      }
    return load;
  }

 private:
  using Ids = std::vector<std::int16_t>;  // [tokens × top_k]
  // What was drawn last: the next layer goes on from there.
  struct Last {
    std::vector<int> tokens;
    int step = 0, layer = -1;
    Ids ids;
  };

  const Ids& ids_of(const RoutingRequest& request) const {
    const bool goes_on = last_.layer >= 0 && last_.step == request.step.value &&
                         last_.layer <= request.layer.value &&
                         std::equal(last_.tokens.begin(), last_.tokens.end(),
                                    request.tokens.begin(), request.tokens.end());
    if (!goes_on)
      last_ = {.tokens = {request.tokens.begin(), request.tokens.end()},
               .step = request.step.value};
    while (last_.layer < request.layer.value) {
      ++last_.layer;
      advance(request, LayerId(last_.layer));
    }
    return last_.ids;
  }

  std::vector<double> popularity(LayerId layer, const Random& random) const {
    std::vector<double> shares(static_cast<std::size_t>(experts_), 1.0);
    spread_shares(shares, sigma_, popularity_stream(random, layer, PopularityStream::kLayer));
    return shares;
  }

  void advance(const RoutingRequest& request, LayerId layer) const {
    const OneByOne popular(popularity(layer, request.random));
    const std::vector<int> successor = expert_order(experts_, request.random, layer);
    const Ids before = std::move(last_.ids);
    const std::vector<int> first = first_tokens(request.tokens);
    last_.ids.assign(static_cast<std::size_t>(first.back()) * static_cast<std::size_t>(top_k_), -1);
    const auto k = static_cast<std::size_t>(top_k_);
    for (std::size_t gpu = 0; gpu < request.tokens.size(); ++gpu) {
      Rng rng = request.random.stream(Purpose::kRouting, request.step.value, layer.value,
                                      static_cast<int>(gpu));
      for (int token = first[gpu]; token < first[gpu + 1]; ++token) {
        const std::size_t at = static_cast<std::size_t>(token) * k;
        const std::span<const std::int16_t> from =
            before.empty() ? std::span<const std::int16_t>()
                           : std::span<const std::int16_t>(before).subspan(at, k);
        draw_token(from, successor, popular, rng, std::span(last_.ids).subspan(at, k));
      }
    }
  }

  void draw_token(std::span<const std::int16_t> from, const std::vector<int>& successor,
                  const OneByOne& popular, Rng& rng, std::span<std::int16_t> ids) const {
    for (std::size_t choice = 0; choice < ids.size(); ++choice) {
      const auto taken = ids.first(choice);
      const auto is_new = [&](std::int16_t id) {
        return std::find(taken.begin(), taken.end(), id) == taken.end();
      };
      std::int16_t id = -1;
      if (!from.empty() && rng.uniform() < affinity_)
        id = static_cast<std::int16_t>(successor[static_cast<std::size_t>(from[choice])]);
      while (id < 0 || !is_new(id)) id = popular.draw(rng);
      ids[choice] = id;
    }
  }

  Spot spot_;
  double sigma_ = 0, affinity_ = 0;
  mutable Last last_;
};

const Register<Trace, MarkovAffinity> kMarkovAffinity{
    {.name = "markov_affinity",
     .summary = "an expert's tokens often go to its successor in the next layer",
     .source = "policies.md 1.14, after ExFlow's affinity",
     .parameters = {
         {.name = "affinity",
          .type = ParameterType::kNumber,
          .doc = "probability of the successor; default measured on neighbouring layers of "
                 "small_moe, whose domains differ (0.38 to 0.44); layers far apart have 0.03 to "
                 "0.06 in OLMoE and 0.05 to 0.10 in Mixtral 8x7B",
          .fallback = "0.4",
          .minimum = 0,
          .maximum = 1},
         {.name = "sigma",
          .type = ParameterType::kNumber,
          .doc = "standard deviation of ln(popularity) of a layer's experts; 0 = all alike",
          .fallback = "0.8",
          .minimum = 0,
          .maximum = 5}}}};

}  // namespace
}  // namespace moesim
