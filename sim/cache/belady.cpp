// The expert whose next use is farthest in the future goes, be it the newcomer (Belady, "A study of
// replacement algorithms for a virtual-storage computer", 1966, with bypass). It sees the future: a
// bound, not a policy.
#include "sim/cache/cache.hpp"

namespace moesim {
namespace {

class Belady final : public Cache {
 public:
  explicit Belady(const Arguments&) {}
  bool foresees() const override { return true; }
  bool refuses() const override { return true; }
  double worth(const CachedExpert& expert, const CacheMoment&) const override {
    return -static_cast<double>(expert.next_use);
  }
};

const Register<Cache, Belady> kBelady{
    {.name = "belady",
     .summary = "the expert whose next use is farthest away goes: a bound that sees the future",
     .source = "L. Belady, IBM Systems Journal 5(2), 1966",
     .parameters = with_cache_options({})}};

}  // namespace
}  // namespace moesim
