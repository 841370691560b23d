// The network as flows: one for each (leg, pair of GPUs), or aggregated: one for each (leg, source
// GPU, other node), and one for each pair inside an NVLink domain.
//
// An aggregated flow takes the links that all its pairs have in common (the source's NIC; with
// kSourceRail the NIC of the relay as well). Pairs that have none (kPxn) stay on their own. Its
// receivers do not wait for each other: they share it equally, so that the one with b bytes has
// them when the flow has carried Σ min(b, b') over its receivers' bytes b'. What is not in common
// is a queue: a link passes the bytes of aggregated pairs on one after the other, no earlier than
// at its bandwidth, and a pair ends when the last queue on its route has passed it. So nothing
// beats the wire, and a full receiver slows nobody but those that send to it.
//
// Latency delays the start of a flow; flows of one sender and latency start in one event. With a
// window of W, a sender serves its next peer when fewer than W are being served.
#pragma once

#include <memory>
#include <vector>

#include "sim/engine/flow_carrier.hpp"
#include "sim/engine/network.hpp"

namespace moesim {

class FlowNetwork : public Network, public FlowOwner, public EventHandler {
 public:
  FlowNetwork(const Cluster& cluster, Clock& clock, bool aggregate);
  // Once, before anything else.
  void use(std::unique_ptr<FlowCarrier> carrier) { carrier_ = std::move(carrier); }

  int open(const LegRequest& request) final;
  void send(int handle, GpuId source) final;
  void close(int handle) final;
  void copy(GpuId source, GpuId target, Bytes size, EventHandler& handler,
            const Event& event) final;

  void part_ended(const FlowTag& tag, Seconds date) final;
  void ends_reached() final;
  void handle(const Event& event) final;

 private:
  enum Kind { kSent, kReceived, kDeparture };

  // One side of a GPU in a leg.
  struct Side {
    int left = 0;  // entries of the matrix that have not ended
    Seconds last;  // the latest end
  };
  struct Sender {
    std::vector<int> peers;  // still to be served, the next one last; with a window only
    int in_flight = 0;       // peers
    bool told = false;       // in `refill_`
  };
  struct Leg {
    LegRequest request;
    IdVector<GpuId, Side> out, in;
    IdVector<GpuId, Sender> senders;
    Seconds expected;
    int batch = -1;  // −1: nobody has sent
    int number = 0;  // over all legs opened so far
    bool open = false;
  };
  struct Copy {
    EventHandler* handler = nullptr;
    Event event;
    int batch = -1;
  };
  // Flows that are on their way to their first byte, all of one latency.
  struct Departure {
    Seconds latency;
    struct Size {
      std::size_t hops = 0, parts = 0;
    };
    std::vector<Flow> flows;
    std::vector<Size> sizes;  // of each flow
    std::vector<int> hops;    // of the flows, one after the other
    std::vector<FlowPart> parts;
    bool under_way = false;
  };

  void count(Leg& leg);
  double turn(const Schedule& schedule) const;
  void list_peers(Leg& leg, GpuId source);
  void bring_nodes_together();
  void start_pair(Leg& leg, int handle, GpuId source, GpuId target);
  void set_path(const Route& route);
  void find_common_path(const Leg& leg, GpuId source);
  void start_group(Leg& leg, int handle, GpuId source);
  Seconds pass_queues(const FlowTag& tag, Seconds date);
  void pump(int handle, GpuId source);
  Departure& departure(Seconds latency);
  void add_flow(Departure& departure, const Flow& flow, std::span<const int> path,
                std::span<const FlowPart> parts);
  void depart();
  void start(Departure& departure);

  std::unique_ptr<FlowCarrier> carrier_;
  bool aggregate_ = false;
  BytesPerSecond local_rate_, network_rate_;  // narrowest link of a route inside and across domains
  std::vector<Leg> legs_;
  std::vector<Copy> copies_;
  std::vector<std::unique_ptr<Departure>> departures_;
  std::vector<Departure*> collecting_;         // not yet under way
  std::vector<std::pair<int, GpuId>> refill_;  // (leg, sender) with a place free in its window
  std::vector<int> order_;
  std::vector<GpuId> group_;   // targets of one aggregated flow
  std::vector<Route> routes_;  // to them
  std::vector<int> path_;
  std::vector<FlowPart> parts_;
  IdVector<LinkId, Seconds> free_;  // when each queue is empty; aggregated only
  int opened_ = 0;
};

}  // namespace moesim
