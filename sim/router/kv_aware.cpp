// To the rank where the request adds least to what is there: tokens that are yet to be computed,
// without those of its prompt that the rank's prefix cache has, and tokens in the KV cache. So a
// conversation goes back to its rank unless that one is much fuller than the others (the cost of
// NVIDIA Dynamo's KV router).
#include "sim/router/router.hpp"

namespace moesim {
namespace {

class KvAware final : public Router {
 public:
  explicit KvAware(const Arguments& arguments) : overlap_(arguments.number("overlap")) {}
  bool asks_cached() const override { return true; }

  std::size_t choose(const RoutedRequest& routed, std::span<const RankLoad> ranks) const override {
    return cheapest(ranks, [&](const RankLoad& rank) {
      const double prompts = static_cast<double>(rank.waiting_tokens) + routed.tokens - rank.cached;
      return overlap_ * prompts + static_cast<double>(rank.kv_tokens);
    });
  }

 private:
  double overlap_ = 1;
};

const Register<Router, KvAware> kKvAware{
    {.name = "kv_aware",
     .summary = "the rank with the least to compute, given its prefix cache, and most KV room",
     .source = "NVIDIA Dynamo's KV router; policies.md 4.8",
     .parameters = {{.name = "overlap",
                     .type = ParameterType::kNumber,
                     .doc = "of a token that must be computed, in tokens of the KV cache",
                     .fallback = "1",
                     .minimum = 0}}}};

}  // namespace
}  // namespace moesim
