// What moves flows through the links: our max-min solver, or SimGrid's own network model.
#pragma once

#include <memory>
#include <span>

#include "sim/engine/clock.hpp"
#include "sim/engine/fluid_solver.hpp"
#include "sim/model/cluster.hpp"

namespace moesim {

class Platform;

struct Flow {
  std::span<const int> path;  // by LinkId
  GpuId source, target;       // the path is theirs by `rule`, if it is that of one pair
  RouteRule rule = RouteRule::kDirect;
  int batch = -1;
  std::span<const FlowPart> parts;  // bytes on the wire
};

class FlowOwner {
 public:
  virtual ~FlowOwner() = default;
  // A part has arrived, or will at `date` whatever happens. Nothing but the clock may be used.
  virtual void part_ended(const FlowTag& tag, Seconds date) = 0;
  // Every end that was told so far has come to pass: the time to start what comes after.
  virtual void ends_reached() = 0;
};

class FlowCarrier {
 public:
  virtual ~FlowCarrier() = default;
  // See FluidSolver.
  virtual int open_batch(Seconds expected) = 0;
  virtual void close_batch(int batch) = 0;
  virtual void start(const Flow& flow) = 0;
};

// `owner` must outlive the carrier.
std::unique_ptr<FlowCarrier> make_fluid_carrier(const Cluster& cluster, const Clock& clock,
                                                const FluidSolver::Options& options,
                                                FlowOwner& owner, Platform& platform);
std::unique_ptr<FlowCarrier> make_pairwise_carrier(const Clock& clock, FlowOwner& owner,
                                                   Platform& platform);

}  // namespace moesim
