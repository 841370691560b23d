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
// Latency delays the start of a flow. With a window of W, a sender serves its next peer when fewer
// than W are being served.
#pragma once

#include <memory>
#include <vector>

#include "sim/engine/flow_carrier.hpp"
#include "sim/engine/network.hpp"
#include "sim/engine/route_cache.hpp"

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

  void parts_ended(std::span<const FlowEnd> ends) final;
  void handle(const Event& event) final;

 private:
  enum Kind { kSent, kReceived };

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
  // Flows of one sender that share all links but their last.
  struct Group {
    int latency = 0;  // into routes_.latencies()
    std::vector<int> path;
    std::vector<FlowPart> parts;
  };

  void count(Leg& leg);
  Seconds longest(const IdVector<GpuId, Load>& loads, bool relayed) const;
  void open_batch(Leg& leg);
  void list_peers(Leg& leg, GpuId source);
  void pump(int handle, GpuId source, Seconds date);
  void refill();
  void start_pair(const Leg& leg, int handle, GpuId source, GpuId target);
  void start_pairs(Leg& leg, int handle, GpuId source, Seconds date);
  bool is_busy(const Leg& leg, GpuId source, GpuId target, const Link& port) const;
  Group& group_of(const RouteCache::Path& path);
  void start_group(const Leg& leg, const FlowTag& tag, Group& group);
  Seconds pass_port(const FlowEnd& end);
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
  BytesPerSecond local_rate_, network_rate_;  // narrowest link of a route inside and across domains
  std::vector<Leg> legs_;
  std::vector<Copy> copies_;
  std::vector<std::vector<FlowId>> departing_;  // by latency: on their way to their first byte
  std::vector<Refill> refills_;
  std::vector<GpuId> served_;  // targets of one turn
  std::vector<Group> groups_;  // of one turn: the first `groups_used_`
  std::size_t groups_used_ = 0;
  int opened_ = 0;
};

}  // namespace moesim
