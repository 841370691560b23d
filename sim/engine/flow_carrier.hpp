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
  std::span<const int> path;        // by LinkId
  std::span<const FlowPart> parts;  // bytes on the wire
  FlowTag tag;                      // of the first part
  RouteRule rule = RouteRule::kDirect;
  Store from = Store::kGpu, to = Store::kGpu;
  int batch = -1;
};

class FlowOwner {
 public:
  virtual ~FlowOwner() = default;
  // Parts have arrived, or will at their dates whatever happens.
  virtual void parts_ended(std::span<const FlowEnd> ends) = 0;
  // Likewise all flows on a grid that a port has under way in a leg.
  virtual void ports_ended(std::span<const FlowGrid::PortEnd> ends) = 0;
};

// For flows that stand for several, on links of their own.
class FoldedLinks {
 public:
  virtual ~FoldedLinks() = default;
  // Links beside those of the cluster; the first of them.
  virtual int add(std::span<const BytesPerSecond> capacities) = 0;
  // Tells the owner all that has ended until now.
  virtual void catch_up() = 0;
  // See FluidSolver.
  virtual void withdraw(int batch, std::vector<WithdrawnFlow>& withdrawn) = 0;
};

// For flows that are kept as matrices. See FluidSolver and FlowGrid.
class GridCarrier {
 public:
  virtual ~GridCarrier() = default;
  virtual int add_grid(FlowGrid::Ports senders, FlowGrid::Ports receivers) = 0;
  virtual GridPlane open_plane(int grid, int leg, int batch) = 0;
  virtual void close_plane(GridPlane plane) = 0;
  virtual void start(GridPlane plane, int row, std::span<const FlowGrid::Load> loads,
                     Seconds date) = 0;
};

class FlowCarrier {
 public:
  virtual ~FlowCarrier() = default;
  // Nothing if every flow must be what it is.
  virtual FoldedLinks* folded() { return nullptr; }
  // Nothing if flows cannot be on grids.
  virtual GridCarrier* grids() { return nullptr; }
  // See FluidSolver.
  virtual int open_batch(const FlowBatch& batch) = 0;
  virtual void close_batch(int batch) = 0;
  virtual FlowId prepare(const Flow& flow) = 0;
  // Their first bytes come at `date`: not before now, nor before the end that they follow.
  virtual void start(std::span<const FlowId> flows, Seconds date) = 0;
};

// `owner` must outlive the carrier.
std::unique_ptr<FlowCarrier> make_fluid_carrier(const Cluster& cluster, double tolerance,
                                                const Clock& clock, FlowOwner& owner,
                                                Platform& platform);
std::unique_ptr<FlowCarrier> make_pairwise_carrier(Clock& clock, FlowOwner& owner,
                                                   Platform& platform);

}  // namespace moesim
