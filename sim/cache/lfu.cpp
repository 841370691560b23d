// The expert that was used least since it came goes. (MoE-Infinity divides by the sum over all
// cached experts, which changes no order.)
#include "sim/cache/cache.hpp"

namespace moesim {
namespace {

class Lfu final : public Cache {
 public:
  explicit Lfu(const Arguments&) {}
  double worth(const CachedExpert& expert, const CacheMoment&) const override {
    return expert.uses;
  }
};

const Register<Cache, Lfu> kLfu{{.name = "lfu",
                                 .summary = "the expert with the fewest uses since it came goes",
                                 .source = "MoE-Infinity's `lfu`",
                                 .parameters = with_cache_options({})}};

}  // namespace
}  // namespace moesim
