// The experts that a profile asks for most are loaded once, and never go. Others pass through.
#include "sim/cache/cache.hpp"

namespace moesim {
namespace {

class StaticHot final : public Cache {
 public:
  explicit StaticHot(const Arguments&) {}
  bool starts_hot() const override { return true; }
  // All are worth the same, so that no newcomer is worth more.
  bool refuses() const override { return true; }
  double worth(const CachedExpert&, const CacheMoment&) const override { return 0; }
};

const Register<Cache, StaticHot> kStaticHot{
    {.name = "static_hot",
     .summary = "the most used experts of a profiling window, and never others",
     .source = "Fiddler (after the paper, arXiv 2402.07033)",
     .parameters = with_cache_options({})}};

}  // namespace
}  // namespace moesim
