// The network as flows: one for each (leg, pair of GPUs).
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
  FlowNetwork(const Cluster& cluster, Clock& clock);
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
    std::vector<Flow> flows;
    std::vector<FlowPart> parts;  // of the flows, one after the other
    bool under_way = false;
  };

  void count(Leg& leg);
  void list_peers(Leg& leg, GpuId source);
  void start_flow(Leg& leg, int handle, GpuId source, GpuId target);
  void pump(int handle, GpuId source);
  Departure& departure(Seconds latency);
  void depart();
  void start(Departure& departure);

  std::unique_ptr<FlowCarrier> carrier_;
  BytesPerSecond local_rate_, network_rate_;  // narrowest link of a route inside and across domains
  std::vector<Leg> legs_;
  std::vector<Copy> copies_;
  std::vector<std::unique_ptr<Departure>> departures_;
  std::vector<Departure*> collecting_;         // not yet under way
  std::vector<std::pair<int, GpuId>> refill_;  // (leg, sender) with a place free in its window
  std::vector<int> order_;
  int opened_ = 0;
};

}  // namespace moesim
