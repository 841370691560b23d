// Activation-aware: the product of three scores, each a share of all experts' sum plus 1e-6, and
// the expert with the smallest goes.
//  * topology: 1 for layers up to the running one, l / (L + 1) for later ones;
//  * sequence: how often the sequences under way used the expert, as a share of its layer;
//  * frequency: its uses since it came.
// MoE-Infinity scores a decoder's layers like this; its encoder's layers fall the other way.
#include <vector>

#include "sim/cache/cache.hpp"

namespace moesim {
namespace {

constexpr double kFloor = 1e-6;

class Priority final : public Cache {
 public:
  explicit Priority(const Arguments&) {}

  void used(ExpertKey key, const CacheMoment& now) override {
    if (counts_.empty()) {
      counts_ = {now.layers, now.experts};
      sums_.resize(static_cast<std::size_t>(now.layers));
    }
    ++counts_(key.layer, key.expert);
    ++sums_[key.layer.index()];
  }

  double worth(const CachedExpert& expert, const CacheMoment& now) const override {
    return topology(expert.key.layer, now) * sequence(expert.key, now) * frequency(expert, now);
  }

 private:
  static double topology(LayerId layer, const CacheMoment& now) {
    const double layers = now.layers, passed = now.layer.value + 1;
    const double later =
        (layers * (layers - 1) - passed * (passed - 1)) / (2 * (layers + 1));  // Σ l / (L + 1)
    const double score = layer <= now.layer ? 1 : layer.value / (layers + 1);
    return score / ((passed + later) * now.experts) + kFloor;
  }
  double sequence(ExpertKey key, const CacheMoment& now) const {
    const double sum = sums_.empty() ? 0 : sums_[key.layer.index()];
    const double share = sum > 0 ? counts_(key.layer, key.expert) / sum : 1.0 / now.experts;
    return share / now.layers + kFloor;
  }
  static double frequency(const CachedExpert& expert, const CacheMoment& now) {
    const double all = static_cast<double>(now.layers) * now.experts;
    return (now.uses > 0 ? expert.uses / now.uses : 1 / all) + kFloor;
  }

  IdMatrix<LayerId, ExpertId, double> counts_;  // turns with a use, [layers × experts]
  std::vector<double> sums_;                    // of its rows
};

const Register<Cache, Priority> kPriority{
    {.name = "priority",
     .summary = "activation-aware: topology × sequence × frequency, the smallest goes",
     .source = "MoE-Infinity's `priority`",
     .parameters = with_cache_options({})}};

}  // namespace
}  // namespace moesim
