// When to move experts, and how.
//
// A policy only says when: after a step it is told how balanced the step was, and may ask for a new
// map. Whoever drives it (sim/rebalancer.hpp) estimates the load, asks the placement policy for the
// map, charges planning and migration, and lets the policy refuse what is not worth it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sim/base/registry.hpp"
#include "sim/model/placement.hpp"

namespace moesim {

// A step that has ended.
struct BalanceReport {
  StepId step;
  double max_over_mean = 1;  // GPU load, mean over layers
  double balancedness = 1;   // SGLang's, mean over layers
};

// A map that could replace the present one, as far as anybody can know before it is tried.
struct RebalanceProposal {
  Seconds saving_per_step;  // on the estimated load: the busiest GPUs' expert time, before − after
  Seconds cost;             // planning, and migration on idle links
};

// How a new map is brought about.
enum class Execution {
  kBlocking,   // between two steps; everybody waits
  kLayerwise,  // likewise, some layers between any two steps
  kAsync       // beside the steps; a layer changes between two steps once its weights are there
};

// What the load of the next steps is taken to be.
enum class Estimator { kWindow, kEma, kLast, kFuture };

struct RebalanceOptions {
  Execution execution = Execution::kBlocking;
  int layers_per_step = 1;       // of kLayerwise
  Seconds planning_time;         // of a new map, on the CPU
  int sms = 0;                   // that migration takes from compute
  double link_efficiency = 0.8;  // of migration: share of a link's rate that it reaches
  Estimator estimator = Estimator::kWindow;
  int window = 0;      // steps of kWindow and kFuture
  double decay = 0.9;  // of kEma: what is left of the past after a step
};

class Rebalance {
 public:
  static constexpr const char* kRole = "rebalance";
  virtual ~Rebalance() = default;
  // Whether a new map is wanted now. Called once after every step, with the steps in order.
  virtual bool wants(const BalanceReport& report) = 0;
  // Whether the new map is worth it.
  virtual bool accepts(const RebalanceProposal&) { return true; }
  // The layers that are placed anew, of `layers`; all by default.
  virtual std::vector<LayerId> choose_layers(int layers);
  // Nothing is ever wanted: no load need be kept.
  virtual bool idle() const { return false; }
  // Planning and moving cost nothing: an upper bound, not a policy.
  virtual bool free() const { return false; }
};

// The parameters of a kind with those that all kinds but `none` have: RebalanceOptions, and
// `placement`, the policy that makes the maps (default: the scenario's). `defaults` are those that
// differ for this kind.
std::vector<Parameter> with_common(std::vector<Parameter> own,
                                   const std::map<std::string, std::string>& defaults = {});

// `link_efficiency`, of whoever copies weights.
Parameter link_efficiency_parameter();

RebalanceOptions read_rebalance_options(const Arguments& arguments);

}  // namespace moesim
