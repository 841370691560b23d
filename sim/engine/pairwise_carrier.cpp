// The reference: every flow is a Comm of SimGrid's own network model, CM02.
#include <algorithm>
#include <cmath>
#include <simgrid/s4u/Comm.hpp>

#include "sim/engine/flow_carrier.hpp"
#include "sim/engine/platform.hpp"

namespace moesim {
namespace {

namespace s4u = simgrid::s4u;

class PairwiseCarrier final : public FlowCarrier {
 public:
  PairwiseCarrier(const Clock& clock, FlowOwner& owner, Platform& platform)
      : clock_(clock), owner_(owner), platform_(platform) {
    s4u::Activity::on_completion_cb([this](const s4u::Activity& activity) { ended(activity); });
  }

  int open_batch(Seconds) final { return 0; }
  void close_batch(int) final {}

  void start(const Flow& flow) final {
    MOESIM_CHECK(flow.parts.size() == 1, "a Comm ends as a whole");
    if (free_.empty()) {
      free_.push_back(under_way_.size());
      under_way_.emplace_back();
    }
    UnderWay& slot = under_way_[free_.back()];
    slot.tag = flow.parts.front().tag;
    slot.comm = s4u::Comm::sendto_init();
    const double size = std::max(1.0, std::round(flow.parts.front().bytes * Platform::kScale));
    slot.comm->set_payload_size(static_cast<std::uint64_t>(size));
    slot.comm->set_data(reinterpret_cast<void*>(free_.back() + 1));
    free_.pop_back();
    slot.comm->set_source(platform_.host(flow.source, flow.rule));
    // The last one that is set starts it.
    slot.comm->set_destination(platform_.host(flow.target, flow.rule));
  }

 private:
  struct UnderWay {
    FlowTag tag;
    s4u::CommPtr comm;  // dropping the last pointer to a running Comm is a crash
  };

  void ended(const s4u::Activity& activity) {
    const auto* comm = dynamic_cast<const s4u::Comm*>(&activity);
    if (comm == nullptr) return;
    MOESIM_CHECK(activity.get_state() == s4u::Activity::State::FINISHED, "no link ever fails");
    const std::size_t at = reinterpret_cast<std::size_t>(comm->get_data<void>()) - 1;
    last_ended_ = std::move(under_way_[at].comm);
    const FlowTag tag = under_way_[at].tag;
    free_.push_back(at);
    owner_.part_ended(tag, clock_.now());
    owner_.ends_reached();
  }

  const Clock& clock_;
  FlowOwner& owner_;
  Platform& platform_;
  std::vector<UnderWay> under_way_;
  std::vector<std::size_t> free_;
  s4u::CommPtr last_ended_;
};

}  // namespace

std::unique_ptr<FlowCarrier> make_pairwise_carrier(const Clock& clock, FlowOwner& owner,
                                                   Platform& platform) {
  return std::make_unique<PairwiseCarrier>(clock, owner, platform);
}

}  // namespace moesim
