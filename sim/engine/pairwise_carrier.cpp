// The reference: every flow is a Comm of SimGrid's own network model, CM02.
#include <algorithm>
#include <cmath>
#include <simgrid/s4u/Comm.hpp>

#include "sim/engine/flow_carrier.hpp"
#include "sim/engine/platform.hpp"

namespace moesim {
namespace {

namespace s4u = simgrid::s4u;

class PairwiseCarrier final : public FlowCarrier, public EventHandler {
 public:
  PairwiseCarrier(Clock& clock, FlowOwner& owner, Platform& platform)
      : clock_(clock), owner_(owner), platform_(platform) {
    s4u::Activity::on_completion_cb([this](const s4u::Activity& activity) { ended(activity); });
  }

  int open_batch(const FlowBatch&) final { return 0; }
  void close_batch(int) final {}

  FlowId prepare(const Flow& flow) final {
    MOESIM_CHECK(flow.parts.size() == 1, "a Comm ends as a whole");
    if (free_.empty()) {
      free_.push_back(static_cast<FlowId>(flows_.size()));
      flows_.emplace_back();
    }
    const FlowId id = free_.back();
    free_.pop_back();
    const double size = std::round(flow.parts.front().bytes * Platform::kScale);
    flows_[id].end.tag = flow.tag;
    flows_[id].source = platform_.host(GpuId(flow.tag.source), flow.rule, flow.from);
    flows_[id].target = platform_.host(GpuId(flow.tag.target), flow.rule, flow.to);
    flows_[id].comm = s4u::Comm::sendto_init();
    flows_[id].comm->set_payload_size(static_cast<std::uint64_t>(std::max(1.0, size)));
    flows_[id].comm->set_data(reinterpret_cast<void*>(static_cast<std::uintptr_t>(id) + 1));
    return id;
  }

  void start(std::span<const FlowId> flows, Seconds date) final {
    for (const FlowId id : flows) {
      if (date <= clock_.now()) {
        start(id);
      } else {
        clock_.at(date, *this, {.a = static_cast<int>(id)});
      }
    }
  }

  void handle(const Event& event) final { start(static_cast<FlowId>(event.a)); }

 private:
  struct Sent {
    FlowEnd end;
    s4u::Host* source = nullptr;
    s4u::Host* target = nullptr;
    s4u::CommPtr comm;  // dropping the last pointer to a running Comm is a crash
  };

  void start(FlowId id) {
    Sent& flow = flows_[id];
    flow.comm->set_source(flow.source);
    // The last one that is set starts it.
    flow.comm->set_destination(flow.target);
  }

  void ended(const s4u::Activity& activity) {
    const auto* comm = dynamic_cast<const s4u::Comm*>(&activity);
    if (comm == nullptr) return;
    MOESIM_CHECK(activity.get_state() == s4u::Activity::State::FINISHED, "no link ever fails");
    const auto id =
        static_cast<FlowId>(reinterpret_cast<std::uintptr_t>(comm->get_data<void>()) - 1);
    last_ended_ = std::move(flows_[id].comm);
    FlowEnd end = flows_[id].end;
    end.date = clock_.now();
    free_.push_back(id);
    owner_.parts_ended({&end, 1});
  }

  Clock& clock_;
  FlowOwner& owner_;
  Platform& platform_;
  std::vector<Sent> flows_;
  std::vector<FlowId> free_;
  s4u::CommPtr last_ended_;
};

}  // namespace

std::unique_ptr<FlowCarrier> make_pairwise_carrier(Clock& clock, FlowOwner& owner,
                                                   Platform& platform) {
  return std::make_unique<PairwiseCarrier>(clock, owner, platform);
}

}  // namespace moesim
