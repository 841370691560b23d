// Weights of experts on the device, kept between points of the plan: filling them takes longer
// than measuring.
#pragma once

#include <map>
#include <tuple>

#include "kernels/backend.hpp"
#include "kernels/profile/inputs.hpp"

namespace moesim::kernels {

// Of one shape of expert, for `shape.experts` of them.
struct WeightBuffers {
  ExpertShape shape;
  Buffer up, down, up_scales, down_scales;

  // From expert `first` on.
  ExpertWeights from(int first) const;
};

// The weights of expert `expert` start at a place of `inputs` that the number decides, so that the
// same expert is the same everywhere. Outputs of order 1 from inputs of order 1.
WeightBuffers make_weights(Device& device, const Inputs& inputs, const ExpertShape& shape,
                           int first_expert);

class WeightPool {
 public:
  // The first `shape.experts` experts of this shape.
  const WeightBuffers& get(Device& device, const Inputs& inputs, const ExpertShape& shape);
  void clear() { kept_.clear(); }

 private:
  using Key = std::tuple<int, int, bool, Dtype>;
  std::map<Key, WeightBuffers> kept_;
};

}  // namespace moesim::kernels
