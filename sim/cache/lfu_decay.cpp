// The expert with the smallest count of uses goes, where counts fade: after each step they are
// worth `decay` of what they were. Counts go on while an expert is not cached.
#include <cmath>
#include <map>

#include "sim/cache/cache.hpp"

namespace moesim {
namespace {

class LfuDecay final : public Cache {
 public:
  explicit LfuDecay(const Arguments& arguments) : decay_(arguments.number("decay")) {}

  void used(ExpertKey key, const CacheMoment& now) override {
    Count& count = counts_[key];
    count = {.value = faded(count, now.step) + 1, .step = now.step};
  }

  double worth(const CachedExpert& expert, const CacheMoment& now) const override {
    const auto found = counts_.find(expert.key);
    return found == counts_.end() ? 0 : faded(found->second, now.step);
  }

 private:
  struct Count {
    double value = 0;  // uses, as they count in `step`
    StepId step = StepId(0);
  };
  double faded(const Count& count, StepId now) const {
    return count.value * std::pow(decay_, now.value - count.step.value);
  }

  double decay_ = 1;
  std::map<ExpertKey, Count> counts_;
};

const Register<Cache, LfuDecay> kLfuDecay{
    {.name = "lfu_decay",
     .summary = "the expert with the smallest fading count of uses goes",
     .source = "ours",
     .parameters = with_cache_options({{.name = "decay",
                                        .type = ParameterType::kNumber,
                                        .doc = "what a count is worth after each step",
                                        .fallback = "0.9",
                                        .minimum = 0,
                                        .maximum = 1}})}};

}  // namespace
}  // namespace moesim
