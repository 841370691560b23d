// One rank after the other: the default of vLLM's and SGLang's data parallelism.
#include "sim/router/router.hpp"

namespace moesim {
namespace {

class RoundRobin final : public Router {
 public:
  explicit RoundRobin(const Arguments&) {}
  std::size_t choose(const RoutedRequest& routed, std::span<const RankLoad> ranks) const override {
    for (std::size_t i = 0; i < ranks.size(); ++i)
      if (ranks[i].rank > routed.previous) return i;
    return 0;
  }
};

const Register<Router, RoundRobin> kRoundRobin{{.name = "round_robin",
                                                .summary = "one rank after the other",
                                                .source = "SGLang; policies.md 4.8"}};

}  // namespace
}  // namespace moesim
