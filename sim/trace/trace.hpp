// Where routes come from: a recorded trace, measured popularity, or a generator.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/base/random.hpp"
#include "sim/base/registry.hpp"
#include "sim/model/moe_model.hpp"
#include "sim/model/placement.hpp"
#include "sim/model/routing.hpp"

namespace moesim {

// What is asked of a trace for one (step, layer).
struct RoutingRequest {
  StepId step;
  LayerId layer;
  std::span<const int> tokens;                    // of each source GPU, [gpus]
  RoutingDetail detail = RoutingDetail::kCounts;  // at least; a trace may give more
  Random random{0};
  // Shares of the tokens that are of each request class; empty: nobody tells them apart.
  std::span<const double> classes = {};
};

class Trace {
 public:
  static constexpr const char* kRole = "trace";
  virtual ~Trace() = default;
  // Checks that the trace fits the model (experts, top-k, layers) and says how many steps or layers
  // are repeated. Throws InputError. Called once before any route() or load().
  virtual void fit(const MoeModel& model, Mistakes& mistakes) = 0;
  virtual Routing route(const RoutingRequest& request) const = 0;
  // Likewise, of step 0, 1, … of the profiling window: for what more than loads is to be known.
  virtual Routing profile_route(const RoutingRequest& request) const;
  // Expected or counted load of a profiling window drawn apart from the replayed steps, in tokens
  // per expert: [layers × experts]. For offline placement.
  virtual ExpertLoad profile(int steps, std::span<const int> tokens, Random random) const = 0;
  // Things to read before trusting the numbers ("8 recorded layers are repeated for 16").
  virtual std::vector<std::string> notes() const { return {}; }
};

// For a trace that has none: throws InputError where router logits are asked for.
void refuse_logits(const RoutingRequest& request, const Spot& spot);

}  // namespace moesim
