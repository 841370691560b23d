// The fluid solver as a network model of SimGrid's kernel: SimGrid asks when its next event is, and
// tells it when time has come there.
#include <cmath>
#include <simgrid/kernel/resource/Model.hpp>
#include <simgrid/s4u/Engine.hpp>

#include "sim/engine/flow_carrier.hpp"
#include "sim/engine/platform.hpp"

namespace moesim {
namespace {

class FluidModel final : public simgrid::kernel::resource::Model {
 public:
  FluidModel(const std::string& name, FluidSolver solver, FlowOwner& owner)
      : Model(name), solver_(std::move(solver)), owner_(owner) {}

  FluidSolver& solver() { return solver_; }

  double next_occurring_event(double now) final {
    const double date = solver_.next_date().value;
    return std::isinf(date) ? -1 : std::max(0.0, date - now);
  }

  void update_actions_state(double now, double) final {
    if (now * (1 + 4e-16) < solver_.next_date().value) return;
    solver_.advance(Seconds(now), ends_);
    tell();
    solver_.fill(Seconds(now), ends_);
    tell();
  }

  void catch_up(Seconds now) {
    solver_.advance(now, ends_);
    tell();
  }

 private:
  void tell() {
    if (!ends_.flows.empty()) owner_.parts_ended(ends_.flows);
    if (!ends_.ports.empty()) owner_.ports_ended(ends_.ports);
    ends_.flows.clear();
    ends_.ports.clear();
  }

  FluidSolver solver_;
  FlowOwner& owner_;
  FlowEnds ends_;
};

class FluidCarrier final : public FlowCarrier, public FoldedLinks, public GridCarrier {
 public:
  FluidCarrier(std::shared_ptr<FluidModel> model, const Clock& clock)
      : model_(std::move(model)), clock_(clock) {}

  FoldedLinks* folded() final { return this; }
  int add(std::span<const BytesPerSecond> capacities) final {
    return model_->solver().add_links(capacities);
  }
  void catch_up() final { model_->catch_up(clock_.now()); }
  void withdraw(int batch, std::vector<WithdrawnFlow>& withdrawn) final {
    model_->solver().withdraw(batch, withdrawn);
  }
  GridCarrier* grids() final { return this; }
  int add_grid(FlowGrid::Ports senders, FlowGrid::Ports receivers) final {
    return model_->solver().add_grid(std::move(senders), std::move(receivers));
  }
  GridPlane open_plane(int grid, int leg, int batch) final {
    return model_->solver().open_plane(grid, leg, batch);
  }
  void close_plane(GridPlane plane) final { model_->solver().close_plane(plane); }
  void start(GridPlane plane, int row, std::span<const FlowGrid::Load> loads, Seconds date) final {
    model_->solver().start(plane, row, loads, date);
  }
  int open_batch(const FlowBatch& batch) final { return model_->solver().open_batch(batch); }
  void close_batch(int batch) final { model_->solver().close_batch(batch); }
  FlowId prepare(const Flow& flow) final {
    return model_->solver().prepare(flow.path, flow.tag, flow.parts, flow.batch);
  }
  void start(std::span<const FlowId> flows, Seconds date) final {
    model_->solver().start(flows, date);
  }

 private:
  std::shared_ptr<FluidModel> model_;
  const Clock& clock_;
};

}  // namespace

std::unique_ptr<FlowCarrier> make_fluid_carrier(const Cluster& cluster, double tolerance,
                                                const Clock& clock, FlowOwner& owner,
                                                Platform& platform) {
  std::vector<BytesPerSecond> capacities;
  for (const Link& link : cluster.links()) capacities.push_back(link.bandwidth);
  auto model = std::make_shared<FluidModel>(platform.new_model_name(),
                                            FluidSolver(std::move(capacities), tolerance), owner);
  platform.engine().add_model(model);
  return std::make_unique<FluidCarrier>(std::move(model), clock);
}

}  // namespace moesim
