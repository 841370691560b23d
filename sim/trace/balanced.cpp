// `balanced`: every expert, every rank of contiguous experts, and every source's part of both get
// an even share of the routes, as even as whole numbers allow, for every shape.
//
// The rule of ai-dynamo/aiconfigurator (policies.md 1.14), token t's choice j goes to expert
// (t + j·stride) mod E with stride = ⌈E/k⌉, repeats an expert within a token where k does not
// divide E, and covers a part of the ranks where the stride does not divide the tokens. Its form
// for few tokens, ⌊t·stride/T⌋ + j·stride, has neither fault once the stride is the fraction E/k:
// route j·T + t of the T·k routes then goes to expert ⌊(j·T + t)·E/(T·k)⌋. Expert 0 moves by one
// from step to step and layer to layer, so that what is left over goes to others.
#include "sim/trace/deal.hpp"
#include "sim/trace/sized_trace.hpp"

namespace moesim {
namespace {

class Balanced final : public SizedTrace {
 public:
  explicit Balanced(const Arguments& arguments) : spot_(arguments.section()) {}

  Routing route(const RoutingRequest& request) const override {
    refuse_logits(request, spot_);
    const std::int64_t total = first_tokens(request.tokens).back();
    const std::int64_t routes = total * top_k_;
    const auto first_route = [&](std::int64_t e) { return (e * routes + experts_ - 1) / experts_; };
    std::vector<ListedRoutes> list;
    for (int e = 0; e < experts_; ++e) {
      // Steps of a profiling window are below 0.
      const std::int64_t turn = std::abs(request.step.value) + request.layer.value;
      list.push_back({.expert = ExpertId(static_cast<int>((e + turn) % experts_)),
                      .count = static_cast<int>(first_route(e + 1) - first_route(e))});
    }
    return deal_routes(list, experts_, top_k_, request.tokens, request.detail);
  }

  ExpertLoad profile(int steps, std::span<const int> tokens, Random) const override {
    const double routes = static_cast<double>(first_tokens(tokens).back()) * top_k_ * steps;
    return ExpertLoad(layers_, experts_, routes / experts_);
  }

 private:
  Spot spot_;
};

const Register<Trace, Balanced> kBalanced{
    {.name = "balanced",
     .summary = "every expert, rank and source gets an even share",
     .source = "ai-dynamo/aiconfigurator; policies.md 1.14"}};

}  // namespace
}  // namespace moesim
