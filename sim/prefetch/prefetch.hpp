// Which experts of the next layers are fetched before they are asked for.
//
// A policy predicts; who drives it (sim/offload_plan.hpp) leaves out what a GPU does not own, keeps
// what it has, and fetches the rest in the order of the prediction, behind what is asked for.
#pragma once

#include <functional>
#include <vector>

#include "sim/base/random.hpp"
#include "sim/base/registry.hpp"
#include "sim/model/load_window.hpp"
#include "sim/model/routing.hpp"

namespace moesim {

struct Prediction {
  LayerId layer;
  ExpertId expert;
  double score = 0;  // comparable within a layer
};

// A layer of a step whose gate has decided.
struct PrefetchMoment {
  StepId step;
  LayerId layer;
  int layers = 0;  // MoE layers
  const Routing& routing;
  // What a later layer's gate will decide in this step.
  std::function<ExpertCounts(LayerId)> gate_of;
  Random random{0};
};

// What is learnt before the run, from the trace's profiling window.
struct PrefetchNeeds {
  bool load = false;
  bool transitions = false;
  int sequences = 0;       // that many, …
  int sequence_steps = 0;  // … each over so many steps
};
struct PrefetchProfile {
  ExpertLoad load;                             // [layers × experts]
  IdVector<LayerId, ExpertPairs> transitions;  // as LoadDetail has them
  std::vector<ExpertLoad> sequences;           // uses, each [layers × experts]
};

class Prefetch {
 public:
  static constexpr const char* kRole = "prefetch";
  virtual ~Prefetch() = default;
  // Nothing is ever predicted.
  virtual bool idle() const { return false; }
  // Gives every expert a score, so that how many are fetched is left to say.
  virtual bool ranks_all() const { return false; }
  virtual PrefetchNeeds needs() const { return {}; }
  virtual void learn(PrefetchProfile) {}
  // Layers come in order, step after step. The nearest layer first, in it the highest score.
  virtual std::vector<Prediction> predict(const PrefetchMoment& now) = 0;
};

struct PrefetchOptions {
  int depth = 1;  // layers ahead
  // Experts of a layer that a GPU wants on one prediction, with those that it holds; 0: all, or, of
  // a kind that ranks all, as many as it uses in the running layer.
  int most = 0;
};
// The parameters of a kind with those that all kinds but `none` have.
std::vector<Parameter> with_prefetch_options(std::vector<Parameter> own, bool ranks_all);
PrefetchOptions read_prefetch_options(const Arguments& arguments);

// By layer, then by falling score, then by expert. Without those of score 0.
std::vector<Prediction> ranked(std::vector<Prediction> predictions);

}  // namespace moesim
