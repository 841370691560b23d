// Experts at random, whatever the logits (policies.md 1.10): the baseline of even routing, what
// vLLM's routing simulator does, and THOR's training (Zuo et al. 2022).
#include <algorithm>
#include <cmath>
#include <numeric>

#include "sim/gate/gate_result.hpp"

namespace moesim {
namespace {

class UniformRandom final : public Gate {
 public:
  explicit UniformRandom(const Arguments& arguments) : draw_(arguments.text("draw")) {}
  RoutingDetail needs() const override { return RoutingDetail::kIds; }

  GateResult apply(Routing recorded, const GateRequest& request) const override {
    const int experts = request.model.experts, tokens = recorded.tokens();
    const bool batch = draw_ == "batch", distinct = draw_ == "distinct";
    Gating gating = empty_gating(tokens, experts, batch ? 1 : request.model.top_k);
    const int of_batch =
        request.random.stream(Purpose::kGate, request.step.value, request.layer.value, -1)
            .below(experts);
    std::vector<std::int16_t> left(static_cast<std::size_t>(experts));
    for (int token = 0; token < tokens; ++token) {
      Rng rng =
          request.random.stream(Purpose::kGate, request.step.value, request.layer.value, token);
      const auto ids = gating.ids_of(token);
      if (distinct) {
        draw_distinct(rng, left, ids);
      } else {
        for (std::int16_t& id : ids)
          id = static_cast<std::int16_t>(batch ? of_batch : draw_one(rng, experts));
      }
      std::fill(gating.weights_of(token).begin(), gating.weights_of(token).end(),
                distinct ? 1.0F / static_cast<float>(gating.top_k) : 1.0F);
    }
    return finish_gating(std::move(recorded), gating, request);
  }

 private:
  int draw_one(Rng& rng, int experts) const {
    if (draw_ == "replacement") return rng.below(experts);
    const float place = sigmoid(static_cast<float>(rng.normal())) * static_cast<float>(experts);
    return std::min(static_cast<int>(place), experts - 1);
  }

  // The first draws of Fisher and Yates' shuffle.
  static void draw_distinct(Rng& rng, std::vector<std::int16_t>& left,
                            std::span<std::int16_t> ids) {
    std::iota(left.begin(), left.end(), std::int16_t{0});
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const auto drawn = i + static_cast<std::size_t>(rng.below(static_cast<int>(left.size() - i)));
      std::swap(left[i], left[drawn]);
      ids[i] = left[i];
    }
  }

  std::string draw_;
};

const Register<Gate, UniformRandom> kUniformRandom{
    {.name = "uniform_random",
     .summary = "experts at random, all alike",
     .source = "vLLM's routing simulator, THOR; policies.md 1.10",
     .parameters = {{.name = "draw",
                     .type = ParameterType::kChoice,
                     .doc = "k distinct experts; k with replacement, or floor(sigmoid(N(0, 1)) · "
                            "experts), as vLLM; or one expert for the whole batch of a layer "
                            "(THOR)",
                     .fallback = "distinct",
                     .choices = {"distinct", "replacement", "normal", "batch"}}}}};

}  // namespace
}  // namespace moesim
