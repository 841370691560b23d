// What happens in the course of a run: GPUs that slow down or fail, experts that are lost or
// pruned, text of another domain, a curriculum (policies.md 1.15, 4.6).
//
// An event is a pure function of the step: it changes the step's Conditions, or the trace. Steps
// are counted as in the results: 0 is the first measured one, warm-up steps are below. Everything
// takes effect between two steps. An event that looks at loads names the steps that it wants to
// have seen.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/base/registry.hpp"
#include "sim/model/conditions.hpp"
#include "sim/model/scenario.hpp"
#include "sim/trace/trace.hpp"

namespace moesim {

// The steps first .. end − 1; a bound that is absent is no bound.
struct StepRange {
  std::optional<int> first, end;
  bool contains(int step) const { return (!first || step >= *first) && (!end || step < *end); }
};

struct EventMoment {
  int step = 0;
  const Scenario& scenario;
  // Routes to each expert in the steps that the event wanted to see, [layers × experts]; none
  // before they have all ended.
  const ExpertLoad* seen = nullptr;
};

// Of a GPU failure: what it takes to go on.
struct Recovery {
  Seconds pause, rejoin;  // nobody works, when GPUs fail and when they come back
  Seconds planning;
  BytesPerSecond load_rate;  // of weights that no GPU has any more, into each GPU
  double link_efficiency = 1;
  int window = 1;    // steps before, whose load the new map is made for
  Choice placement;  // kind is empty: the scenario's
};

// Every expert is split.
struct Expansion {
  int at = 0;        // the first step with the children
  int children = 1;  // of each expert
  Seconds planning;
  double link_efficiency = 1;
};

class Event {
 public:
  static constexpr const char* kRole = "event";
  virtual ~Event() = default;

  // The steps it concerns, for the records.
  virtual StepRange steps() const = 0;
  // What it does, in a few words: "GPU 3 at 0.8 of its speed".
  virtual std::string text() const = 0;
  // Whether the scenario is one that it can happen to.
  virtual void fit(const Scenario&, Mistakes&) const {}
  // Of the routes, so that it can change them.
  virtual RoutingDetail needs() const { return RoutingDetail::kCounts; }
  // Steps whose loads it wants to have seen.
  virtual std::optional<StepRange> watches() const { return std::nullopt; }
  virtual void apply(const EventMoment&, Conditions&) const {}
  // The trace with the event in it. `random` is one that nobody else has.
  virtual std::unique_ptr<Trace> changed(std::unique_ptr<Trace> trace, const Scenario&,
                                         Random) const {
    return trace;
  }
  // Of events that leave experts without their GPUs.
  virtual const Recovery* recovery() const { return nullptr; }
  // Of events after which the model has more experts, and the trace of so many with the children.
  virtual const Expansion* expansion() const { return nullptr; }
  virtual std::unique_ptr<Trace> expanded(std::unique_ptr<Trace> trace, int, Random) const {
    return trace;
  }
};

// A parameter list with `from` and `until` after it, and what they say.
std::vector<Parameter> with_interval(std::vector<Parameter> parameters);
StepRange read_interval(const Arguments& arguments);
// The end must come after the start.
void check_interval(const Arguments& arguments, Mistakes& mistakes);

// A list of whole numbers 0 .. count − 1, each once; the rest are mistakes. `what` is such as
// "GPU".
std::vector<int> read_ids(const Arguments& arguments, const std::string& name, int count,
                          const std::string& what, Mistakes& mistakes);

// "GPU 3", "GPUs 3, 4 and 5".
std::string shown_ids(const std::string& one, const std::vector<double>& ids);

}  // namespace moesim
