// The experts of the next layers that the profiling window asks for most.
#include "sim/prefetch/prefetch.hpp"

namespace moesim {
namespace {

class Popularity final : public Prefetch {
 public:
  explicit Popularity(const Arguments& arguments)
      : depth_(read_prefetch_options(arguments).depth) {}

  bool ranks_all() const override { return true; }
  PrefetchNeeds needs() const override { return {.load = true}; }
  void learn(PrefetchProfile profile) override { load_ = std::move(profile.load); }

  std::vector<Prediction> predict(const PrefetchMoment& now) override {
    std::vector<Prediction> all;
    for (int ahead = 1; ahead <= depth_ && now.layer.value + ahead < now.layers; ++ahead) {
      const LayerId layer(now.layer.value + ahead);
      for (const ExpertId expert : load_.column_ids())
        all.push_back({.layer = layer, .expert = expert, .score = load_(layer, expert)});
    }
    return ranked(std::move(all));
  }

 private:
  int depth_ = 1;
  ExpertLoad load_;
};

const Register<Prefetch, Popularity> kPopularity{
    {.name = "popularity",
     .summary = "the experts of the next layers that a profiling window uses most",
     .parameters = with_prefetch_options({}, true)}};

}  // namespace
}  // namespace moesim
