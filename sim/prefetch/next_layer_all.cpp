// All experts of the next layers: what streaming a model layer by layer does.
#include "sim/prefetch/prefetch.hpp"

namespace moesim {
namespace {

class NextLayerAll final : public Prefetch {
 public:
  explicit NextLayerAll(const Arguments& arguments)
      : depth_(read_prefetch_options(arguments).depth) {}

  std::vector<Prediction> predict(const PrefetchMoment& now) override {
    std::vector<Prediction> all;
    for (int ahead = 1; ahead <= depth_ && now.layer.value + ahead < now.layers; ++ahead)
      for (const ExpertId expert : now.routing.counts.column_ids())
        all.push_back({.layer = LayerId(now.layer.value + ahead), .expert = expert, .score = 1});
    return all;
  }

 private:
  int depth_ = 1;
};

const Register<Prefetch, NextLayerAll> kNextLayerAll{
    {.name = "next_layer_all",
     .summary = "all experts of the next layers",
     .parameters = with_prefetch_options({}, false)}};

}  // namespace
}  // namespace moesim
