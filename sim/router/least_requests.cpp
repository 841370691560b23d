// To the rank with the fewest requests, waiting and running: SGLang's `total_requests`.
#include "sim/router/router.hpp"

namespace moesim {
namespace {

class LeastRequests final : public Router {
 public:
  explicit LeastRequests(const Arguments&) {}
  std::size_t choose(const RoutedRequest&, std::span<const RankLoad> ranks) const override {
    return cheapest(ranks, [](const RankLoad& rank) { return rank.waiting + rank.running; });
  }
};

const Register<Router, LeastRequests> kLeastRequests{
    {.name = "least_requests",
     .summary = "the rank with the fewest requests, waiting and running",
     .source = "SGLang's total_requests; policies.md 4.8"}};

}  // namespace
}  // namespace moesim
