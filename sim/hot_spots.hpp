// Which GPU in which layer costs time by its load, and how much.
//
// While the steps are built, the GPU-layers with the most load above the mean are noted. After the
// run each of them is replayed twice in the same engine, behind a barrier: the layer as it was, and
// the layer with that GPU at mean load. The difference is what the hot spot costs the layer; in a
// step, whose layers follow each other, that much (the ranks' drift between layers is left out).
#pragma once

#include <memory>
#include <vector>

#include "sim/engine/engine.hpp"
#include "sim/layer_builder.hpp"
#include "sim/model/run_result.hpp"

namespace moesim {

class HotSpotCandidates {
 public:
  static constexpr std::size_t kCount = 3;
  struct Candidate {
    int step = 0, layer = 0;  // model layer
    int gpu = 0;
    double excess = 0;                                     // routes above the layer's mean
    std::shared_ptr<const Placement> placement = nullptr;  // of that step
  };

  // A layer of a step: at most one candidate per layer (its worst step) is kept.
  void consider(int step, int layer, const LayerLoad& load,
                const std::shared_ptr<const Placement>& placement);
  const std::vector<Candidate>& worst() const { return worst_; }

 private:
  std::vector<Candidate> worst_;  // by falling excess
};

// An exchange without a byte that nobody leaves before everybody has come.
TaskGraph barrier(int gpus);

// Replays the candidates once the steps are done.
class HotSpotProducer : public Producer {
 public:
  HotSpotProducer(const Scenario& scenario, const LayerBuilder& builder,
                  const HotSpotCandidates& candidates);

  std::optional<TaskGraph> next() override;
  void done(int, int, GpuId, Seconds) override {}
  void fragment_done(int fragment, Seconds time) override;
  void span(const Span&) override {}

  std::vector<HotSpot> take() const;  // by falling cost; those that cost nothing are left out

 private:
  static constexpr int kFragments = 4;  // barrier, layer, barrier, layer at mean load
  HotSpot describe(const HotSpotCandidates::Candidate& candidate, double seconds) const;

  const Scenario& scenario_;
  const LayerBuilder& builder_;
  const HotSpotCandidates& candidates_;
  int fragment_ = 0;
  std::vector<double> ends_;  // of each fragment, seconds
};

}  // namespace moesim
