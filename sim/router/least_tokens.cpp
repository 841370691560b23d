// To the rank with the fewest tokens, those of its queue and those in its KV cache: SGLang's
// `total_tokens`.
#include "sim/router/router.hpp"

namespace moesim {
namespace {

class LeastTokens final : public Router {
 public:
  explicit LeastTokens(const Arguments&) {}
  std::size_t choose(const RoutedRequest&, std::span<const RankLoad> ranks) const override {
    return cheapest(ranks,
                    [](const RankLoad& rank) { return rank.waiting_tokens + rank.kv_tokens; });
  }
};

const Register<Router, LeastTokens> kLeastTokens{
    {.name = "least_tokens",
     .summary = "the rank with the fewest tokens, waiting and in its KV cache",
     .source = "SGLang's total_tokens; policies.md 4.8"}};

}  // namespace
}  // namespace moesim
