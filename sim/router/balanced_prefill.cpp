// DeepSeek's prefill balancer: equal core-attention work and equal tokens on every rank. How the
// two are weighed is not published; here a request goes where the larger of the rank's two shares
// in the pool's work, with the request, is smallest.
#include <algorithm>

#include "sim/router/router.hpp"

namespace moesim {
namespace {

class BalancedPrefill final : public Router {
 public:
  explicit BalancedPrefill(const Arguments&) {}
  bool asks_cached() const override { return true; }

  std::size_t choose(const RoutedRequest& routed, std::span<const RankLoad> ranks) const override {
    double all_tokens = 1, all_pairs = 1;  // nothing is shared out yet: any share will do
    for (const RankLoad& rank : ranks) {
      all_tokens += static_cast<double>(rank.waiting_tokens);
      all_pairs += static_cast<double>(rank.waiting_pairs);
    }
    return cheapest(ranks, [&](const RankLoad& rank) {
      const double all = routed.tokens, cached = rank.cached;
      return std::max(
          (static_cast<double>(rank.waiting_tokens) + all - cached) / all_tokens,
          (static_cast<double>(rank.waiting_pairs) + all * all - cached * cached) / all_pairs);
    });
  }
};

const Register<Router, BalancedPrefill> kBalancedPrefill{
    {.name = "balanced_prefill",
     .summary = "equal core-attention work and equal tokens on every rank (DeepSeek, prefill)",
     .source = "DeepSeek's online balancers; policies.md 3.9"}};

}  // namespace
}  // namespace moesim
