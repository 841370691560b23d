// What the generators have in common: a popularity of experts per layer, from which each source
// GPU's tokens draw their routes.
//
// The mix of a source in a step is the layer's popularity times two log-normal factors per expert:
// one that stays with the source (`source_spread`: it serves other text than the next one) and one
// that stays with the step (`step_spread`).
#pragma once

#include <string>
#include <vector>

#include "sim/trace/sized_trace.hpp"
#include "sim/trace/source_factors.hpp"

namespace moesim {

class PopularityTrace : public SizedTrace {
 public:
  Routing route(const RoutingRequest& request) const final;
  ExpertLoad profile(int steps, std::span<const int> tokens, Random random) const final;

 protected:
  explicit PopularityTrace(const Arguments& arguments);

  // Relative popularity of the layer's experts at a step, any scale, ≥ 0: [experts]. Steps of a
  // profiling window are 0.
  virtual std::vector<double> popularity(LayerId layer, StepId step,
                                         const Random& random) const = 0;

  int experts() const { return experts_; }
  int layers() const { return layers_; }

 private:
  bool are_few(std::span<const int> tokens) const;  // [gpus]
  ExpertCounts counts_of(const RoutingRequest& request, std::span<const double> mix) const;

  Spot spot_;
  double source_spread_ = 0, step_spread_ = 0;  // standard deviations of ln(share)
  mutable SourceFactors source_factors_;
};

// Streams of Purpose::kPopularity of one layer, told apart by the second number.
enum class PopularityStream { kLayer = 0, kSource = 1, kStep = 2, kOrder = 3, kWalk = 4 };
Rng popularity_stream(const Random& random, LayerId layer, PopularityStream which, int index = 0);

Parameter step_spread_parameter();
// A parameter list with source_spread and step_spread after it.
std::vector<Parameter> with_spread(std::vector<Parameter> parameters);

// All experts in an order that is drawn once per layer (Fisher-Yates).
std::vector<int> expert_order(int experts, const Random& random, LayerId layer);

// Multiplies each share by exp(sigma · N(0, 1)).
void spread_shares(std::span<double> shares, double sigma, Rng rng);

}  // namespace moesim
