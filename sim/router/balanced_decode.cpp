// DeepSeek's decode balancer: equal use of the KV cache and equal request counts on every rank. How
// the two are weighed is not published; here a request goes where the larger of the rank's two
// shares in the pool, with the request, is smallest.
#include <algorithm>

#include "sim/router/router.hpp"

namespace moesim {
namespace {

class BalancedDecode final : public Router {
 public:
  explicit BalancedDecode(const Arguments&) {}

  std::size_t choose(const RoutedRequest& routed, std::span<const RankLoad> ranks) const override {
    double all_tokens = 1, all_requests = 1;  // nothing is shared out yet: any share will do
    for (const RankLoad& rank : ranks) {
      all_tokens += static_cast<double>(rank.kv_tokens);
      all_requests += rank.waiting + rank.running;
    }
    return cheapest(ranks, [&](const RankLoad& rank) {
      return std::max((static_cast<double>(rank.kv_tokens) + routed.tokens) / all_tokens,
                      (rank.waiting + rank.running + 1) / all_requests);
    });
  }
};

const Register<Router, BalancedDecode> kBalancedDecode{
    {.name = "balanced_decode",
     .summary = "equal KV cache use and equal request counts on every rank (DeepSeek, decode)",
     .source = "DeepSeek's online balancers; policies.md 3.9"}};

}  // namespace
}  // namespace moesim
