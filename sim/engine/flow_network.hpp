// The network as flows: one for each (leg, pair of GPUs), or aggregated.
//
// Aggregated, those flows of a sender that differ in nothing but their last link, the receiver's
// own port, are one flow with a part for each receiver. As long as the receivers' ports are not
// full, that changes nothing: the sender's flows have equal rates. So flows to a receiver whose
// port is among the busier ones of its leg stay on their own. The other ports slow nobody down, but
// no pair ends before its port can have carried it and the pairs of the leg that ended before. So
// nothing beats the wire, and nobody waits for a node.
//
// With a window, where a sender has few flows at a time, they stay on their own.
//
// Legs whose traffic is symmetric are folded: where all GPUs send at one instant, and nothing but
// such legs is under way, one flow stands for each class of flows (symmetry.hpp). When anything
// else comes, what is left of these flows is unfolded into all that they stand for.
//
// The flows of a leg that are sent all at once, and are so many that nearly every pair has one, lie
// on grids (flow_grid.hpp).
//
// Latency delays the start of a flow. With a window of W, a sender serves its next peer when fewer
// than W are being served.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "sim/engine/flow_carrier.hpp"
#include "sim/engine/network.hpp"
#include "sim/engine/route_cache.hpp"
#include "sim/engine/route_fans.hpp"
#include "sim/engine/route_grids.hpp"
#include "sim/engine/symmetry.hpp"

namespace moesim {

class FlowNetwork : public Network, public FlowOwner, public EventHandler {
 public:
  FlowNetwork(const Cluster& cluster, Clock& clock, bool aggregate);
  // Once, before anything else.
  void use(std::unique_ptr<FlowCarrier> carrier) { carrier_ = std::move(carrier); }

  int open(const LegRequest& request) final;
  void send(int handle, GpuId source) final;
  void close(int handle) final;
  void copy(const Transfer& transfer, EventHandler& handler, const Event& event) final;
  Seconds latency(GpuId source, GpuId target, RouteRule rule) final {
    const int number = routes_.path(source, target, rule).latency;
    return routes_.latencies()[static_cast<std::size_t>(number)];
  }

  void parts_ended(std::span<const FlowEnd> ends) final;
  void ports_ended(std::span<const FlowGrid::PortEnd> ends) final;
  void handle(const Event& event) final;

 private:
  enum Kind { kSent, kReceived, kHeld };

  // One side of a GPU in a leg.
  struct Side {
    int left = 0;  // entries of the matrix that have not ended
    Seconds last;  // the latest end
  };
  struct Sender {
    std::vector<int> peers;  // still to be served, the next one last
    int in_flight = 0;       // peers
  };
  // What a GPU sends or receives in a leg: wire bytes, inside its domain and across.
  struct Load {
    double local = 0, network = 0;
  };
  // A receiver's port in a leg.
  struct Port {
    Seconds begin = kForever;  // of the first byte
    Seconds busy;              // with what has arrived
  };
  // Classes under some of the renamings, and the links that stand for them.
  struct Fold {
    unsigned renamings = 0;  // a bit for each
    Folding classes;
    int first_link = 0;
  };
  // A GPU, or the first one of a class in a folded leg.
  struct Busy {
    int flows = 0;
    Seconds last;  // the latest end
  };
  // Of one flow of each class, on all links of a class together.
  struct Carried {
    double bytes = 0, wire = 0;
  };
  struct FoldedLeg {
    const Fold* fold = nullptr;  // none: it cannot be folded
    bool under_way = false;
    std::vector<GpuId> held;       // GPUs that wait for the others to send
    int pairs_left = 0;            // classes of pairs that have not ended
    std::vector<Carried> carried;  // [link classes] not accounted yet
    double spine_bytes = 0;        // likewise
  };
  struct Leg {
    LegRequest request;
    IdVector<GpuId, Side> out, in;
    IdVector<GpuId, Sender> senders;
    IdVector<GpuId, Load> inflow;
    IdVector<LinkId, Port> ports;  // grouped only
    Seconds expected;
    int batch = -1;  // −1: nobody has sent
    int number = 0;  // over all legs opened so far
    bool grouped = false;
    bool open = false;
    int senders_left = 0;           // GPUs that have something to send, and have not
    std::vector<GridPlane> planes;  // [grids]; none: its flows lie on no grid
    IdVector<GpuId, Busy> busy;     // where flows are not told one by one: folded, or on grids
    FoldedLeg folded;
  };
  struct Copy {
    EventHandler* handler = nullptr;
    Event event;
    int batch = -1;
  };
  // A sender has a place free in its window.
  struct Refill {
    Seconds date;
    int leg = -1;
    GpuId source;
  };
  // Flows of one sender that share a trunk.
  struct Group {
    std::vector<FlowPart> parts;
    double bytes = 0, wire = 0;  // of all parts
  };

  const Fold* fold_for(const LegRequest& request);
  void hold(int handle, GpuId source);
  void release(int handle);
  void fold(int handle);
  void start_class(Leg& leg, int handle, GpuId source, GpuId target);
  void class_ended(Leg& leg, const FlowEnd& end);
  template <class Tell>
  void for_members(const Leg& leg, GpuId first, const Tell& tell) const;
  void begin_busy(Leg& leg, GpuId source, Seconds date);
  void end_busy(Leg& leg, GpuId first, int flows, Seconds last);
  void account_carried(Leg& leg);
  void unfold_all();
  void unfold(int handle);
  void copy_to_members(Leg& leg);
  void tell_unfolded(const Leg& leg, const std::vector<WithdrawnFlow>& flows);
  void start_unfolded(const Leg& leg, int handle, const std::vector<WithdrawnFlow>& flows);

  void count(Leg& leg);
  Seconds longest(const IdVector<GpuId, Load>& loads, bool relayed) const;
  void open_batch(Leg& leg);
  void send_alone(int handle, GpuId source);
  void list_peers(Leg& leg, GpuId source);
  void pump(int handle, GpuId source, Seconds date);
  void refill();
  void start_pair(const Leg& leg, int handle, GpuId source, GpuId target);
  bool fits_grids(const Leg& leg) const;
  void open_planes(Leg& leg, int handle);
  void send_on_grids(Leg& leg, int handle, GpuId source, Seconds date);
  void start_bundle(const Leg& leg, const RouteGrids::Bundle& bundle, std::span<const double> bytes,
                    Seconds date);
  void start_pairs(Leg& leg, int handle, GpuId source, Seconds date);
  void add_to_group(const Leg& leg, GpuId source, GpuId target, int port, Group& group);
  bool is_busy(const Leg& leg, GpuId source, GpuId target, LinkId port) const;
  void sort_parts(std::vector<FlowPart>& parts);
  void start_group(const Leg& leg, const FlowTag& tag, const RouteFan::Trunk& trunk, Group& group,
                   Seconds date);
  Seconds pass_port(Leg& leg, const FlowEnd& end);
  void pair_ended(Leg& leg, const FlowEnd& end);
  void end_sent(Leg& leg, int handle, GpuId first, int flows, Seconds last);
  void end_received(Leg& leg, int handle, GpuId first, int flows, Seconds last);
  void end_side(const Leg& leg, Side& side, const Event& event, int flows, Seconds last);
  void copy_ended(std::size_t slot, Seconds date);
  std::vector<FlowId>& departing(int latency) {
    const auto at = static_cast<std::size_t>(latency);
    if (departing_.size() <= at) departing_.resize(at + 1);
    return departing_[at];
  }
  void depart(Seconds date);

  std::unique_ptr<FlowCarrier> carrier_;
  bool aggregate_ = false;
  RouteCache routes_;
  RouteFans fans_;
  std::optional<RouteGrids> grids_;
  std::vector<FlowGrid::Load> loads_;         // of one bundle
  BytesPerSecond local_rate_, network_rate_;  // narrowest link of a route inside and across domains
  std::vector<Leg> legs_;
  std::vector<Copy> copies_;
  std::vector<std::vector<FlowId>> departing_;  // by latency: on their way to their first byte
  std::vector<Refill> refills_;
  std::vector<GpuId> served_;         // targets of one turn
  std::vector<Group> groups_;         // of one turn, by trunk
  std::vector<std::uint64_t> sizes_;  // of the parts of one group, to sort them
  std::vector<FlowPart> sorted_;
  IdVector<LinkId, double> seconds_per_byte_;
  int opened_ = 0;

  std::optional<std::vector<Renaming>> renamings_;
  std::deque<Fold> folds_;
  int folded_legs_ = 0;    // under way
  std::size_t alone_ = 0;  // flows of other legs, and copies, under way
  std::vector<int> class_path_;
};

}  // namespace moesim
