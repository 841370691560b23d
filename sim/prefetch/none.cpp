// Experts are fetched when they are asked for.
#include "sim/prefetch/prefetch.hpp"

namespace moesim {
namespace {

class NoPrefetch final : public Prefetch {
 public:
  explicit NoPrefetch(const Arguments&) {}
  bool idle() const override { return true; }
  std::vector<Prediction> predict(const PrefetchMoment&) override { return {}; }
};

const Register<Prefetch, NoPrefetch> kNone{
    {.name = "none", .summary = "experts are fetched when they are asked for"}};

}  // namespace
}  // namespace moesim
