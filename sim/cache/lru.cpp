// The expert that was not used for the longest time goes. A stack algorithm (Mattson et al.,
// "Evaluation techniques for storage hierarchies", 1970): a larger cache holds all that a smaller
// one holds.
#include "sim/cache/cache.hpp"

namespace moesim {
namespace {

class Lru final : public Cache {
 public:
  explicit Lru(const Arguments&) {}
  double worth(const CachedExpert& expert, const CacheMoment&) const override {
    return static_cast<double>(expert.last_use);
  }
};

const Register<Cache, Lru> kLru{
    {.name = "lru",
     .summary = "the expert whose last use is the longest ago goes",
     .source = "Mixtral-offloading (after the paper, arXiv 2312.17238); MoE-Infinity's `lru`",
     .parameters = with_cache_options({})}};

}  // namespace
}  // namespace moesim
