// The network as a bound: a leg ends, for everybody, when its busiest link has carried its bytes.
//
// A leg begins when the last GPU of its exchange sends. It takes the largest latency of its routes
// plus the longest of bytes / bandwidth over the links. A link that still has bytes of other legs
// or copies to carry carries those first, so that no link ever carries more than its bandwidth.
// Right for the end of an all-to-all by itself (simgrid.md §4), wrong for when each GPU has its
// tokens.
#pragma once

#include <vector>

#include "sim/engine/network.hpp"
#include "sim/engine/route_sums.hpp"

namespace moesim {

class AnalyticNetwork final : public Network, public EventHandler {
 public:
  AnalyticNetwork(const Cluster& cluster, Clock& clock);

  int open(const LegRequest& request) final;
  void send(int handle, GpuId source) final;
  void close(int handle) final;
  void copy(const Transfer& transfer, EventHandler& handler, const Event& event) final;
  void handle(const Event& event) final;  // a leg has ended

 private:
  struct Leg {
    LegRequest request;
    std::vector<GpuId> senders;  // so far
    bool open = false;
  };
  Seconds carry(const RouteSums::Totals& totals, const ExchangeLeg& leg, Phase phase);
  Seconds carry(LinkId link, Phase phase, double bytes, double wire);

  std::vector<Leg> legs_;
  RouteSums sums_;
  IdVector<LinkId, Seconds> free_;  // when each link has carried everything so far
};

}  // namespace moesim
