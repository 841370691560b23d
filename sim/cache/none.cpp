// All experts stay in the memory of their GPUs.
#include "sim/cache/cache.hpp"

namespace moesim {
namespace {

class NoCache final : public Cache {
 public:
  explicit NoCache(const Arguments&) {}
  bool idle() const override { return true; }
  double worth(const CachedExpert&, const CacheMoment&) const override { return 0; }
};

const Register<Cache, NoCache> kNone{
    {.name = "none", .summary = "every expert has its slot on a GPU: nothing is offloaded"}};

}  // namespace
}  // namespace moesim
