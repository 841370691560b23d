// Which experts a token asks for in the next layer, given those that it has in this one: a Markov
// chain, learnt from pairs in the profiling window.
#include "sim/prefetch/prefetch.hpp"

namespace moesim {
namespace {

class Transition final : public Prefetch {
 public:
  explicit Transition(const Arguments& arguments)
      : depth_(read_prefetch_options(arguments).depth) {}

  bool ranks_all() const override { return true; }
  PrefetchNeeds needs() const override { return {.transitions = true}; }
  void learn(PrefetchProfile profile) override { pairs_ = std::move(profile.transitions); }

  std::vector<Prediction> predict(const PrefetchMoment& now) override {
    std::vector<Prediction> all;
    IdVector<ExpertId, double> routes(now.routing.experts());
    for (const GpuId source : now.routing.counts.row_ids())
      for (const ExpertId expert : routes.ids())
        routes[expert] += now.routing.counts(source, expert);
    for (int ahead = 1; ahead <= depth_ && now.layer.value + ahead < now.layers; ++ahead) {
      const LayerId layer(now.layer.value + ahead);
      routes = step(routes, pairs_[LayerId(layer.value - 1)]);
      for (const ExpertId expert : routes.ids())
        all.push_back({.layer = layer, .expert = expert, .score = routes[expert]});
    }
    return ranked(std::move(all));
  }

 private:
  // Expected routes in the next layer. Of an expert that the window never saw nothing is known.
  static IdVector<ExpertId, double> step(const IdVector<ExpertId, double>& routes,
                                         const ExpertPairs& pairs) {
    IdVector<ExpertId, double> next(routes.size());
    for (const ExpertId from : routes.ids()) {
      double sum = 0;
      for (const double count : pairs.row(from)) sum += count;
      if (routes[from] <= 0 || sum <= 0) continue;
      for (const ExpertId to : next.ids()) next[to] += routes[from] * pairs(from, to) / sum;
    }
    return next;
  }

  int depth_ = 1;
  IdVector<LayerId, ExpertPairs> pairs_;
};

const Register<Prefetch, Transition> kTransition{
    {.name = "transition",
     .summary = "the experts that most often follow those of this layer, in a profiling window",
     .source = "after EdgeMoE's and ExFlow's statistics",
     .parameters = with_prefetch_options({}, true)}};

}  // namespace
}  // namespace moesim
