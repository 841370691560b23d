// What a plan asks of the simulator: whether an option fits into memory, and how long a step takes.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "analysis/plan/question.hpp"

namespace moesim {

// A world that differs from the question's.
struct StepConditions {
  double skew = 1;  // times that of the trace
  double nics = 1;  // times the bandwidth of the NICs
  auto operator<=>(const StepConditions&) const = default;
};

struct StepQuery {
  PlanOption option;
  int batch = 1;           // of each GPU: sequences in decode, whole prompts in prefill
  bool screening = false;  // with the network's analytic bound
  StepConditions conditions;
  auto operator<=>(const StepQuery&) const = default;
};

// Of an instance.
struct StepAnswer {
  std::string why_not;  // empty: it ran, and what follows holds
  Seconds step;
  double tokens_per_s = 0;  // that come out; prefill: that are computed
  int gpus = 0;
  double yield = 1;              // tokens that an answer gets from a step
  std::optional<double> error;   // of the step, relative; none: no kernel says
  double unmeasured = 0;         // share of the step that rests on costs that nobody measured
  double memory_bytes = 0;       // of the fullest GPU
  double gpu_max_over_mean = 0;  // load
  std::string fidelity;
  std::vector<std::string> calibrations, warnings;
};

// A step that ran.
struct SeenBatch {
  int batch = 0;
  StepAnswer answer;
};

// The largest batch that fits into memory.
struct OptionRoom {
  int batch = 0;            // as in StepQuery; 0: not even one, or it cannot be run at all
  bool impossible = false;  // whatever the memory: the option's sizes do not go together
  std::string why_not;      // where batch is 0
  std::string way_out;      // a hint with it
  double lack = 0;          // memory needed over memory there, where one does not fit
  int gpus = 0;
  double yield = 1;
};

// One implementation simulates, in forked children; tests have one that computes by hand.
class StepSource {
 public:
  virtual ~StepSource() = default;
  // In the order of the arguments, which may be looked at at the same time.
  virtual std::vector<OptionRoom> rooms(const std::vector<PlanOption>& options) = 0;
  virtual std::vector<StepAnswer> steps(const std::vector<StepQuery>& queries) = 0;
  // Whether the trace of the option has a measure of skew that can be multiplied.
  virtual bool has_skew(const PlanOption& option) const = 0;
  virtual int simulated() const = 0;  // steps so far, those found in the cache not counted
};

}  // namespace moesim
