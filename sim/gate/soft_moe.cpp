// Soft MoE (Puigcerver et al. 2024): every expert has some slots, each a weighted mean of all
// tokens of a source GPU (policies.md 1.12).
//
// What travels and what is computed are slots, the same number for every expert, whatever the
// logits; so none are needed. Nothing is dropped. The rows of the routing are slots here.
#include "sim/gate/assignment.hpp"
#include "sim/gate/gate.hpp"

namespace moesim {
namespace {

class SoftMoe final : public Gate {
 public:
  explicit SoftMoe(const Arguments& arguments) : factor_(arguments.number("factor")) {}
  RoutingDetail needs() const override { return RoutingDetail::kCounts; }
  std::string caution() const override {
    return "soft_moe mixes later tokens into earlier ones: it is for encoders, not for serving a "
           "decoder";
  }

  GateResult apply(Routing recorded, const GateRequest& request) const override {
    const int experts = request.model.experts;
    Routing routing{.top_k = 1, .first_token = {0}};
    for (const GpuId gpu : recorded.counts.row_ids()) {
      const int tokens = recorded.tokens_of(gpu);
      const int each = tokens > 0 ? slots_of_expert(tokens, experts, factor_) : 0;
      for (int expert = 0; expert < experts; ++expert)
        routing.ids.insert(routing.ids.end(), static_cast<std::size_t>(each),
                           static_cast<std::int16_t>(expert));
      routing.first_token.push_back(static_cast<int>(routing.ids.size()));
    }
    routing.weights.assign(routing.ids.size(), 1);
    routing.counts = count_routes(routing, experts);
    const std::int64_t recorded_routes =
        static_cast<std::int64_t>(recorded.tokens()) * request.model.top_k;
    GateResult result{.record = {.layers = 1,
                                 .tokens = recorded.tokens(),
                                 .routes = routing.tokens(),
                                 .compared = recorded_routes,
                                 .changed = recorded_routes,
                                 .weight = static_cast<double>(routing.tokens())}};
    result.routing = std::move(routing);
    return result;
  }

 private:
  double factor_ = 1;
};

const Register<Gate, SoftMoe> kSoftMoe{
    {.name = "soft_moe",
     .summary = "slots that are weighted means of all tokens of a source GPU",
     .source = "Puigcerver et al. 2024, V-MoE; policies.md 1.12",
     .parameters = {{.name = "factor",
                     .type = ParameterType::kNumber,
                     .doc = "an expert has factor · tokens / experts slots, rounded, at least 1",
                     .fallback = "1",
                     .minimum = 0,
                     .above_minimum = true}}}};

}  // namespace
}  // namespace moesim
