// What a window of steps tells about routes: how often each expert was asked for and, where a
// placement wants more, when, from where and together with which others.
#pragma once

#include <span>
#include <vector>

#include "sim/model/placement.hpp"
#include "sim/model/routing.hpp"

namespace moesim {

// What is wanted of a window. Only that is drawn and counted.
struct WindowNeeds {
  bool load = true;           // false: the load decides nothing, and no window is worth drawing
  int steps = 0;              // loads of single steps, of the last so many; 0 = only their sum
  bool sources = false;       // who asks for which expert
  bool coactivation = false;  // which experts the same tokens ask for, within a layer
  bool transitions = false;   // … and from one MoE layer to the next
  bool pairs() const { return coactivation || transitions; }
};

using SourceLoad = IdMatrix<GpuId, ExpertId, double>;      // routes, [source gpu × expert]
using ExpertPairs = IdMatrix<ExpertId, ExpertId, double>;  // tokens, [experts × experts]

// Empty = not known.
struct LoadDetail {
  std::vector<ExpertLoad> steps;                // each [layers × experts], the oldest first
  IdVector<LayerId, SourceLoad> sources;        // [layers]
  IdVector<LayerId, ExpertPairs> coactivation;  // [layers], symmetric, 0 on the diagonal
  // [layers − 1]: tokens with the row's expert in layer l and the column's in layer l + 1.
  IdVector<LayerId, ExpertPairs> transitions;
};

struct LoadWindow {
  ExpertLoad load;  // sum over the window, [layers × experts]
  LoadDetail detail;
};

// The rows of `layers` only. Transitions are kept where all layers are.
LoadWindow only_layers(const LoadWindow& window, std::span<const LayerId> layers);

// The sum of loads of the same shape; at least one.
ExpertLoad sum_of(std::span<const ExpertLoad> loads);

// Counts a window from routings. Pairs are counted on some of the tokens where a step has many
// (every n-th, the same in all layers), and scaled to all of them.
class WindowCounter {
 public:
  static constexpr int kPairTokens = 8192;  // of a step, at most, whose pairs are counted

  WindowCounter(const WindowNeeds& needs, int layers, int experts);
  // A step begins. What was counted before is worth `kept` of it from now on (but for `steps`,
  // which keep what they counted).
  void begin_step(double kept = 1);
  // Of the step, layer by layer in ascending order. Pairs want ids.
  void add(LayerId layer, const Routing& routing);
  const LoadWindow& window() const { return window_; }

 private:
  void add_sources(LayerId layer, const Routing& routing);
  void add_pairs(LayerId layer, const Routing& routing);

  WindowNeeds needs_;
  LoadWindow window_;
  LayerId before_;                        // layer of ids_before_; none at the start of a step
  std::vector<std::int16_t> ids_before_;  // [tokens × top_k]
};

}  // namespace moesim
