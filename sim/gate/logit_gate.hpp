// What gates on router logits have in common: a temperature that may follow a schedule, routes that
// are skipped for their small weight, and losses.
#pragma once

#include <vector>

#include "sim/gate/gate.hpp"
#include "sim/gate/gate_result.hpp"
#include "sim/gate/gating.hpp"

namespace moesim {

// A value that goes from `from` to `to` over the first `steps` steps, and stays there.
struct Schedule {
  double from = 1, to = 1;
  int steps = 0;
  bool exponential = false;  // else linear
  double at(int step) const;
};

struct GateInput {
  Logits logits;           // those of the trace over the temperature
  const Routing& routing;  // of the trace: its sources and, where known, its ids
  const GateRequest& request;
  int top_k() const { return request.model.top_k; }
};

class LogitGate : public Gate {
 public:
  RoutingDetail needs() const final { return RoutingDetail::kLogits; }
  GateResult apply(Routing recorded, const GateRequest& request) const final;

 protected:
  explicit LogitGate(const Arguments& arguments);

  // Chooses experts for all tokens. A gate that keeps a state leaves the next one in `state`, which
  // holds the last one ([] at first).
  virtual Gating choose(const GateInput& input, std::vector<float>& state) const = 0;
  // Losses of its own, after the common ones.
  virtual void add_losses(const Logits&, const Gating&, GateRecord&) const {}
  const Spot& spot() const { return spot_; }

 private:
  Gating skipped(Gating gating) const;

  Spot spot_;
  Schedule temperature_;
  double skip_below_ = 0, skip_ratio_ = 0;
  int sequence_tokens_ = 0;
};

// A parameter list with the common ones after it.
std::vector<Parameter> with_common(std::vector<Parameter> parameters);

// The weight parameters of top-k gates, whose default is the model's: normalize, scale.
std::vector<Parameter> weight_parameters();

}  // namespace moesim
