// A trace that knows the sizes of the model it is for.
#pragma once

#include "sim/trace/trace.hpp"

namespace moesim {

class SizedTrace : public Trace {
 public:
  void fit(const MoeModel& model, Mistakes&) override {
    experts_ = model.experts;
    top_k_ = model.top_k;
    layers_ = model.moe_layer_count();
  }

 protected:
  int experts_ = 0, top_k_ = 0, layers_ = 0;
};

}  // namespace moesim
