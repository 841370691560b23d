// LRU that knows which layers come next: experts of the running layer and of the two after it go
// last.
#include "sim/cache/cache.hpp"

namespace moesim {
namespace {

class LruDs final : public Cache {
 public:
  explicit LruDs(const Arguments& arguments) : ahead_(arguments.integer("protected_layers")) {}
  double worth(const CachedExpert& expert, const CacheMoment& now) const override {
    constexpr double kProtected = 1e15;  // beyond the turns of any run
    const int distance = expert.key.layer.value - now.layer.value;
    const bool soon = distance >= 0 && distance < ahead_;
    return static_cast<double>(expert.last_use) + (soon ? kProtected : 0);
  }

 private:
  int ahead_ = 0;
};

const Register<Cache, LruDs> kLruDs{
    {.name = "lru_ds",
     .summary = "lru, but experts of the running layer and those right after it go last",
     .source = "MoE-Infinity's `lru_ds`",
     .parameters = with_cache_options({{.name = "protected_layers",
                                        .type = ParameterType::kInteger,
                                        .doc = "from the running one on",
                                        .fallback = "3",
                                        .minimum = 0}})}};

}  // namespace
}  // namespace moesim
