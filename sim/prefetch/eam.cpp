// Expert activation matrices (MoE-Infinity): how often a sequence has used each expert of each
// layer is compared with past sequences, and the most similar one says what comes.
//
// Similar: the largest mean, over the layers so far, of the cosine of the angle between their rows.
// What is predicted is that sequence's counts + 1e-8, for a layer l times 1 − (l − now) / (L + 1).
// A sequence is what one source GPU's tokens ask for, over all steps; past ones come from the
// profiling window.
#include <cmath>

#include "sim/prefetch/prefetch.hpp"

namespace moesim {
namespace {

double norm(std::span<const double> row) {
  double sum = 0;
  for (const double value : row) sum += value * value;
  return std::sqrt(sum);
}

double cosine(std::span<const double> a, std::span<const double> b) {
  double product = 0;
  for (std::size_t i = 0; i < a.size(); ++i) product += a[i] * b[i];
  const double length = norm(a) * norm(b);
  return length > 0 ? product / length : 0;
}

class Eam final : public Prefetch {
 public:
  explicit Eam(const Arguments& arguments)
      : depth_(read_prefetch_options(arguments).depth),
        needs_{.sequences = arguments.integer("sequences"),
               .sequence_steps = arguments.integer("sequence_steps")} {}

  bool ranks_all() const override { return true; }
  PrefetchNeeds needs() const override { return needs_; }
  void learn(PrefetchProfile profile) override { past_ = std::move(profile.sequences); }

  std::vector<Prediction> predict(const PrefetchMoment& now) override {
    ExpertLoad scores(now.layers, now.routing.experts());
    running_.resize(now.routing.counts.rows());
    for (const GpuId source : now.routing.counts.row_ids()) {
      ExpertLoad& sequence = running_[source.index()];
      if (sequence.empty()) sequence = ExpertLoad(now.layers, now.routing.experts());
      for (const ExpertId expert : sequence.column_ids())
        sequence(now.layer, expert) += now.routing.counts(source, expert);
      if (const ExpertLoad* nearest = nearest_to(sequence, now.layer)) add(*nearest, now, scores);
    }
    std::vector<Prediction> all;
    for (int ahead = 1; ahead <= depth_ && now.layer.value + ahead < now.layers; ++ahead) {
      const LayerId layer(now.layer.value + ahead);
      for (const ExpertId expert : scores.column_ids())
        all.push_back({.layer = layer, .expert = expert, .score = scores(layer, expert)});
    }
    return ranked(std::move(all));
  }

 private:
  const ExpertLoad* nearest_to(const ExpertLoad& sequence, LayerId now) const {
    const ExpertLoad* nearest = nullptr;
    double best = -1;
    for (const ExpertLoad& past : past_) {
      double similarity = 0;
      for (const LayerId layer : IdRange<LayerId>(now.value + 1))
        similarity += cosine(sequence.row(layer), past.row(layer));
      if (similarity <= best) continue;
      best = similarity;
      nearest = &past;
    }
    return nearest;
  }

  static void add(const ExpertLoad& past, const PrefetchMoment& now, ExpertLoad& scores) {
    for (const LayerId layer : scores.row_ids()) {
      if (layer <= now.layer) continue;
      const double decay = 1 - 1.0 * (layer.value - now.layer.value) / (now.layers + 1);
      for (const ExpertId expert : scores.column_ids())
        scores(layer, expert) += (past(layer, expert) + 1e-8) * decay;
    }
  }

  int depth_ = 1;
  PrefetchNeeds needs_;
  std::vector<ExpertLoad> past_;
  std::vector<ExpertLoad> running_;  // of each source
};

const Register<Prefetch, Eam> kEam{
    {.name = "eam",
     .summary = "what the past sequence with the most similar expert activation matrix used",
     .source = "MoE-Infinity",
     .parameters =
         with_prefetch_options({{.name = "sequences",
                                 .type = ParameterType::kInteger,
                                 .doc = "past sequences that are known",
                                 .fallback = "100",
                                 .minimum = 1},
                                {.name = "sequence_steps",
                                 .type = ParameterType::kInteger,
                                 .doc = "steps of the profiling window that each of them has",
                                 .fallback = "16",
                                 .minimum = 1}},
                               true)}};

}  // namespace
}  // namespace moesim
